import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './persistent-volume-validation.ts';
import { persistentVolumeColumns } from './storage-columns.ts';
import { setPersistentVolumeDefaults } from './storage-defaults.ts';
import { persistentVolumeWarnings } from './storage-warnings.ts';

export const persistentVolumeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  resource: 'persistentvolumes',
  namespaced: false,
  shortNames: ['pv'],
  parts: [statusPart()],
  columns: persistentVolumeColumns,
  prepareForCreate: (object) => {
    object['status'] = { phase: 'Pending' };
  },
  setDefaults: setPersistentVolumeDefaults,
  warnings: persistentVolumeWarnings,
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
});
