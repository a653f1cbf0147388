import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { persistentVolumeClaimColumns } from './storage-columns.ts';
import { setPersistentVolumeClaimDefaults } from './storage-defaults.ts';

export const persistentVolumeClaimKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  resource: 'persistentvolumeclaims',
  namespaced: true,
  shortNames: ['pvc'],
  parts: [statusPart()],
  columns: persistentVolumeClaimColumns,
  prepareForCreate: (object) => {
    object['status'] = { phase: 'Pending' };
  },
  setDefaults: setPersistentVolumeClaimDefaults,
});
