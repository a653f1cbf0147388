/** Asks one webhook about one request. */
import { randomUUID } from 'node:crypto';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import { checkQualifiedName } from '../../../api/machinery/names.ts';
import type { StatusError } from '../../../api/machinery/status-error.ts';
import { addNew } from '../../../std/add-all.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import type { AdmissionMetrics, WebhookOutcome } from '../../metrics/admission-metrics.ts';
import { convertBetween } from '../matching/equivalent-kinds.ts';
import { type Answer, BadAnswer, chooseVersion, makeReview, readAnswer } from './admission-review.ts';
import { parseAnswer, UndecodableAnswer } from './decode-review.ts';
import { CallFailure, dryRunUnsupported, refusedBy, requestTimedOut } from './refusals.ts';
import { ServerError } from './server-errors.ts';
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
  if (attributes.dryRun && hook.sideEffects === undefined)
    throw new CallFailure(hook.name, 'Webhook SideEffects is nil', { code: 400 });
  if (attributes.dryRun && hook.sideEffects !== 'None' && hook.sideEffects !== 'NoneOnDryRun') throw dryRunUnsupported(hook.name);
  const version = chooseVersion(hook.admissionReviewVersions ?? []);
  if (!version)
    throw new CallFailure(
      hook.name,
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
      { code: 400 },
    );
  const uid = randomUUID();
  const [object, oldObject] = await Promise.all(
    [attributes.object, attributes.oldObject].map((one) => (one ? convertBetween(one, attributes.kind, kind) : undefined)),
  );
  const body = makeReview(attributes, { version, uid, kind, object, oldObject });
  const client = hook.clientConfig;
  const timeoutMs = timeLeftMs(attributes, (hook.timeoutSeconds ?? 10) * 1000);
  const failed = (cause: Error) =>
    new CallFailure(hook.name, `failed to call webhook: ${cause.message}`, {
      cause,
      ...(cause instanceof ServerError && { code: cause.code }),
    });
  const text = await connections.ask({ client, body, timeoutMs }).catch((cause: Error) => {
    throw failed(cause);
  });
  const parsed = await parseAnswer(text).catch((cause: Error) => {
    throw cause instanceof UndecodableAnswer ? failed(cause) : cause;
  });
  return ofUse(hook.name, () => readAnswer(parsed, { version, uid, mutating }));
}

/** Makes a CallFailure of what is wrong with an answer. */
export function ofUse<T>(webhook: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BadAnswer) throw new CallFailure(webhook, error.message, { cause: error });
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

/** How a webhook is asked, and what is done with an answer that says yes. */
export interface Asking<T> {
  readonly kind: KindDefinition;
  readonly mutating: boolean;
  readonly use: (answer: Answer) => Promise<T>;
}

/**
 * Asks, notes what the webhook has to say besides yes or no, uses the answer, and counts. Rejects as `callWebhook` and `use` do, and
 * with what the webhook says for no.
 */
export async function askWebhook<T>(
  { connections, metrics }: AskDeps,
  webhook: Webhook,
  attributes: AdmissionAttributes,
  { kind, mutating, use }: Asking<T>,
): Promise<T> {
  const { name, failurePolicy } = webhook.hook;
  const startMs = performance.now();
  const count = (outcome: Pick<WebhookOutcome, 'code' | 'rejection' | 'failedOpen'>) =>
    metrics?.webhook({
      name,
      type: mutating ? 'admit' : 'validating',
      operation: attributes.operation,
      seconds: (performance.now() - startMs) / 1000,
      ...outcome,
    });
  let refusal: StatusError | undefined;
  try {
    const answer = await callWebhook(connections, webhook, attributes, { kind, mutating });
    noteAnswer(attributes, name, answer);
    if (!answer.allowed) {
      refusal = refusedBy(name, answer.result);
      throw refusal;
    }
    const used = await use(answer);
    count({ code: 200 });
    return used;
  } catch (error) {
    if (error === refusal && refusal) count({ code: refusal.code, rejection: 'no_error' });
    else if (!(error instanceof CallFailure)) count({ code: 0, rejection: 'apiserver_internal_error' });
    else if (failurePolicy === 'Ignore') count({ code: error.code, failedOpen: true });
    else count({ code: error.code, rejection: 'calling_webhook_error' });
    throw error;
  }
}

/** Annotations whose names make no keys are left out, as upstream leaves them. */
function noteAnswer(attributes: AdmissionAttributes, webhook: string, { warnings, auditAnnotations }: Answer): void {
  addNew(attributes.warnings, warnings);
  for (const [name, value] of Object.entries(auditAnnotations)) {
    const key = `${webhook}/${name}`;
    if (!name.includes('/') && !checkQualifiedName(key).length) attributes.audit?.addAuditAnnotation(key, value);
  }
}
