/** Asks one webhook about one request. */
import { randomUUID } from 'node:crypto';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import type { AdmissionMetrics, WebhookOutcome } from '../../metrics/admission-metrics.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import { type Answer, BadAnswer, chooseVersion, makeReview, readAnswer } from './admission-review.ts';
import { CallFailure, dryRunUnsupported, refusedBy, requestTimedOut } from './refusals.ts';
import type { WebhookConnections } from './webhook-connections.ts';
import type { Webhook } from './webhook-list.ts';

/**
 * `kind` is the one in whose version the request matched. Rejects with a CallFailure when the webhook could not be asked or its
 * answer is none, with a 400 when it must not be asked because the request is a dry run.
 */
async function callWebhook(
  connections: WebhookConnections,
  { hook }: Webhook,
  attributes: AdmissionAttributes,
  { kind, mutating }: { readonly kind: KindDefinition; readonly mutating: boolean },
): Promise<Answer> {
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') throw dryRunUnsupported(hook.name);
  const version = chooseVersion(hook.admissionReviewVersions ?? []);
  if (!version)
    throw new CallFailure(
      hook.name,
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
    );
  const uid = randomUUID();
  const [object, oldObject] = await Promise.all(
    [attributes.object, attributes.oldObject].map((one) => (one ? convertBetween(one, attributes.kind, kind) : undefined)),
  );
  const body = makeReview(attributes, { version, uid, kind, object, oldObject });
  const client = hook.clientConfig;
  const timeoutMs = timeLeftMs(attributes, (hook.timeoutSeconds ?? 10) * 1000);
  const answered = await connections.ask({ client, body, timeoutMs }).catch((cause: Error) => {
    throw new CallFailure(hook.name, `failed to call webhook: ${cause.message}`, { cause });
  });
  try {
    return readAnswer(answered, { version, uid, mutating });
  } catch (error) {
    if (error instanceof BadAnswer)
      throw new CallFailure(hook.name, `received invalid webhook response: ${error.message}`, { cause: error });
    throw error;
  }
}

/**
 * What a webhook may take of the time that the request has left. Once that is over nobody is asked any more, whatever the webhook's
 * failure policy says.
 */
function timeLeftMs({ deadlineMs }: AdmissionAttributes, ownMs: number): number {
  if (deadlineMs === undefined) return ownMs;
  const leftMs = deadlineMs - performance.now();
  if (leftMs <= 0) throw requestTimedOut();
  return Math.min(ownMs, leftMs);
}

export interface AskDeps {
  readonly connections: WebhookConnections;
  readonly metrics?: AdmissionMetrics | undefined;
}

/** Asks, notes what the webhook has to say besides yes or no, and counts. Rejects as `callWebhook`, and with what the webhook says for no. */
export async function askWebhook(
  { connections, metrics }: AskDeps,
  webhook: Webhook,
  attributes: AdmissionAttributes,
  how: { readonly kind: KindDefinition; readonly mutating: boolean },
): Promise<Answer> {
  const { name, failurePolicy } = webhook.hook;
  const startMs = performance.now();
  const count = (outcome: Pick<WebhookOutcome, 'code' | 'rejection' | 'failedOpen'>) =>
    metrics?.webhook({
      name,
      type: how.mutating ? 'admit' : 'validating',
      operation: attributes.operation,
      seconds: (performance.now() - startMs) / 1000,
      ...outcome,
    });
  let answer: Answer;
  try {
    answer = await callWebhook(connections, webhook, attributes, how);
  } catch (error) {
    const failedOpen = error instanceof CallFailure && failurePolicy === 'Ignore';
    count({
      code: 0,
      failedOpen,
      ...(!failedOpen && { rejection: error instanceof CallFailure ? 'calling_webhook_error' : 'apiserver_internal_error' }),
    });
    throw error;
  }
  noteAnswer(attributes, name, answer);
  if (answer.allowed) {
    count({ code: 200 });
    return answer;
  }
  const refusal = refusedBy(name, answer.result);
  count({ code: refusal.code, rejection: 'no_error' });
  throw refusal;
}

function noteAnswer(attributes: AdmissionAttributes, webhook: string, { warnings, auditAnnotations }: Answer): void {
  for (const warning of warnings) if (!attributes.warnings.includes(warning)) attributes.warnings.push(warning);
  for (const [key, value] of Object.entries(auditAnnotations)) attributes.audit?.addAuditAnnotation(`${webhook}/${key}`, value);
}
