import { defineKind } from '../../machinery/define-kind.ts';

export const csiNodeKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  resource: 'csinodes',
  namespaced: false,
});
