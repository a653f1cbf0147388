import { defineKind } from '../../machinery/define-kind.ts';

export const validatingWebhookConfigurationKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
  namespaced: false,
  categories: ['api-extensions'],
  hasGeneration: true,
});
