/** Webhook configurations as admissionregistration.k8s.io/v1beta1 had them: less had to be said. */
import { mutatingWebhookConfigurationKind } from '../admissionregistration/v1/mutating-webhook-configuration.ts';
import { validatingWebhookConfigurationKind } from '../admissionregistration/v1/validating-webhook-configuration.ts';
import type { V1MutatingWebhook } from '../gen/types.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { deprecationWarning } from './deprecation.ts';
import { servedAs } from './served-as.ts';

const GROUP = 'admissionregistration.k8s.io';

/** Failures were ignored, other versions not matched, and side effects not known (pkg/apis/admissionregistration/v1beta1/defaults.go). */
const setWebhookDefaults = (today: KindDefinition) => (object: DynamicObject) => {
  for (const webhook of (object['webhooks'] as V1MutatingWebhook[] | undefined) ?? []) {
    webhook.failurePolicy ??= 'Ignore';
    webhook.matchPolicy ??= 'Exact';
    webhook.timeoutSeconds ??= 30;
    webhook.sideEffects ??= 'Unknown';
    if (!webhook.admissionReviewVersions?.length) webhook.admissionReviewVersions = ['v1beta1'];
  }
  today.setDefaults?.(object);
};

/** What v1 refuses and this version let through: webhooks with side effects, and those that know the old review only. */
const LET_THROUGH = /^webhooks\[\d+\]\.(sideEffects|admissionReviewVersions)/;

const webhooks = (today: KindDefinition): KindDefinition =>
  servedAs(today, {
    group: GROUP,
    version: 'v1beta1',
    schema: `AdmissionregistrationV1beta1${today.kind}`,
    setDefaults: setWebhookDefaults(today),
    *validateInSteps(object, context, existing) {
      const errors = yield* today.validateInSteps!(object, context, existing);
      return errors.filter(({ field }) => !LET_THROUGH.test(field));
    },
    deprecation: deprecationWarning(`${GROUP}/v1beta1`, today.kind, {
      deprecated: 16,
      removed: 22,
      replacement: `${GROUP}/v1`,
    }),
  });

export const olderWebhooks: readonly KindDefinition[] = [
  webhooks(mutatingWebhookConfigurationKind),
  webhooks(validatingWebhookConfigurationKind),
];
