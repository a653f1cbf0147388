import { defineKind } from '../../machinery/define-kind.ts';

export const endpointSliceKind = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  resource: 'endpointslices',
  namespaced: true,
  hasGeneration: true,
});
