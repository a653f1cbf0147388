import { lazyModule } from '../../../std/lazy-module.ts';
import type { V1ValidatingWebhookConfiguration } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { setWebhookDefaults } from './webhook-defaults.ts';

const validation = lazyModule(() => import('./webhook-validation.ts'));

export const validatingWebhookConfigurationKind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  resource: 'validatingwebhookconfigurations',
  namespaced: false,
  anyFinalizers: true,
  categories: ['api-extensions'],
  hasGeneration: true,
  columns: [
    nameColumn,
    numberColumn<V1ValidatingWebhookConfiguration>(
      'Webhooks',
      'How many webhooks it names.',
      ({ webhooks = [] }) => webhooks.length,
    ),
    ageColumn,
  ],
  setDefaults: (object) => {
    for (const webhook of (object as V1ValidatingWebhookConfiguration).webhooks ?? []) setWebhookDefaults(webhook);
  },
  loadFirst: validation.load,
  validateInSteps: (object, _context, existing) => validation.loaded.validateWebhookConfiguration(object, existing),
});
