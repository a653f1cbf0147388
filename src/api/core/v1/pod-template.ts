import { defineKind } from '../../machinery/define-kind.ts';

export const podTemplateKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  resource: 'podtemplates',
  namespaced: true,
  hasGeneration: true,
});
