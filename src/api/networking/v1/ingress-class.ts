import { defineKind } from '../../machinery/define-kind.ts';

export const ingressClassKind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  namespaced: false,
  hasGeneration: true,
});
