import type { V1MutatingWebhook, V1ValidatingWebhook } from '../../gen/types.ts';

/** What both kinds of webhooks have in common. Changes its argument. */
export function setWebhookDefaults(webhook: V1MutatingWebhook | V1ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig.service) webhook.clientConfig.service.port ??= 443;
}
