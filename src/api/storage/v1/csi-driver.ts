import { defineKind } from '../../machinery/define-kind.ts';

export const csiDriverKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  namespaced: false,
  hasGeneration: true,
});
