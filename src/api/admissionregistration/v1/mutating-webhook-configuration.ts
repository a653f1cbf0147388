import { defineKind } from '../../machinery/define-kind.ts';

export const mutatingWebhookConfigurationKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  resource: 'mutatingwebhookconfigurations',
  namespaced: false,
  categories: ['api-extensions'],
  hasGeneration: true,
});
