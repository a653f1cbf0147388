import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import {
  validatePersistentVolumeClaim,
  validatePersistentVolumeClaimStatus,
  validatePersistentVolumeClaimUpdate,
} from './persistent-volume-claim-validation.ts';
import { persistentVolumeClaimColumns } from './storage-columns.ts';
import { alignDataSources, setPersistentVolumeClaimDefaults } from './storage-defaults.ts';
import { persistentVolumeClaimWarnings } from './storage-warnings.ts';

export const persistentVolumeClaimKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  namespaced: true,
  shortNames: ['pvc'],
  parts: [statusPart({ validate: validatePersistentVolumeClaimStatus })],
  columns: persistentVolumeClaimColumns,
  prepareForCreate: (object) => {
    object['status'] = { phase: 'Pending' };
    alignDataSources(object);
  },
  setDefaults: setPersistentVolumeClaimDefaults,
  prepareForUpdate: alignDataSources,
  warnings: (object) => persistentVolumeClaimWarnings(object),
  validate: validatePersistentVolumeClaim,
  validateUpdate: validatePersistentVolumeClaimUpdate,
});
