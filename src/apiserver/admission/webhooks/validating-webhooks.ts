import { validatingWebhookConfigurationKind } from '../../../api/admissionregistration/v1/validating-webhook-configuration.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../contracts.ts';
import { currentObjects } from '../matching/current-objects.ts';
import { askWebhook } from './call-webhook.ts';
import type { WebhookDeps } from './mutating-webhooks.ts';
import { CallFailure } from './refusals.ts';
import { WebhookConditions } from './relevant-webhooks.ts';
import { isExempt, listWebhooks, type Webhook } from './webhook-list.ts';

/** Lets webhooks refuse what is written, all asked at the same time (apiserver/pkg/admission/plugin/webhook/validating). */
export function createValidatingWebhooks(deps: WebhookDeps): AdmissionPlugin {
  const { logger } = deps;
  const webhooks = currentObjects(deps.reader, [validatingWebhookConfigurationKind], (all) => listWebhooks(all, deps));
  const conditions = new WebhookConditions(deps, 'validate');

  async function ask(webhook: Webhook, attributes: AdmissionAttributes, kind: KindDefinition, index: number): Promise<void> {
    const { hook } = webhook;
    try {
      await askWebhook(deps, webhook, attributes, { kind, mutating: false, use: async () => {} });
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (hook.failurePolicy !== 'Ignore') {
        logger.warn(`Failed calling webhook, failing closed ${hook.name}: ${error.message}`);
        throw error.asStatus();
      }
      logger.warn(`Failed calling webhook, failing open ${hook.name}: ${error.message}`);
      attributes.audit?.addAuditAnnotation(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, hook.name);
    }
  }

  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (attributes) => webhooks().length > 0 && !isExempt(attributes),
    async validate(attributes) {
      const relevant: (readonly [Webhook, KindDefinition])[] = [];
      for (const webhook of webhooks()) {
        const kind = webhook.matches(attributes);
        if (kind && (await conditions.hold(webhook, attributes, kind))) relevant.push([webhook, kind]);
      }
      const asked = await Promise.allSettled(relevant.map(([webhook, kind], i) => ask(webhook, attributes, kind, i)));
      for (const outcome of asked) if (outcome.status === 'rejected') throw outcome.reason;
    },
  };
}
