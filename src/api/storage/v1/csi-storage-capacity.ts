import { defineKind } from '../../machinery/define-kind.ts';

export const csiStorageCapacityKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  namespaced: true,
});
