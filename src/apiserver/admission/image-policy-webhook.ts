import { createHash } from 'node:crypto';
import type { V1Pod } from '../../api/gen/types.ts';
import { isJsonMap } from '../../api/machinery/clone.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.ts';
import { openWebhookClient, type WebhookClient, WebhookFailure, withBackoff } from '../outgoing/webhook-client.ts';
import { isAbout, refuse } from './refusal.ts';

export interface ImagePolicyConfig {
  readonly kubeconfigPath: string;
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  readonly retryBackoffMs: number;
  /** What a webhook that does not answer means. */
  readonly defaultAllow: boolean;
}

export interface ImagePolicyDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Default: one of the kubeconfig, opened when it is first asked. */
  readonly webhook?: Pick<WebhookClient, 'post'>;
}

interface Verdict {
  readonly allowed: boolean;
  readonly reason: string;
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 30_000;
const MOST_ANSWERS = 1024;
const AUDIT_PREFIX = 'imagepolicywebhook.image-policy.k8s.io/';
const FAILED_OPEN = 'alpha.image-policy.k8s.io/failed-open';

/** Asks another server whether a pod's images may be used, by ImageReview (plugin/pkg/admission/imagepolicy). */
export function createImagePolicyWebhook(
  config: ImagePolicyConfig,
  { clock, random, webhook }: ImagePolicyDeps,
): AdmissionPlugin {
  const known = new Map<string, { readonly verdict: Verdict; readonly untilMs: number }>();
  let opening: Promise<Pick<WebhookClient, 'post'>> | undefined;
  const open = () => {
    opening ??= webhook ? Promise.resolve(webhook) : openWebhookClient(config.kubeconfigPath, { clock, timeoutMs: TIMEOUT_MS });
    return opening;
  };
  const ask = async (spec: object): Promise<Verdict> => {
    // Pods may be megabytes.
    const key = createHash('sha256').update(JSON.stringify(spec)).digest('hex');
    const found = known.get(key);
    if (found && found.untilMs > steadyMs(clock)) return found.verdict;
    const metadata = {};
    const review = { kind: 'ImageReview', apiVersion: VERSION, metadata, spec, status: { allowed: false } };
    const shouldRetry = (error: unknown) => error instanceof WebhookFailure && error.retryable;
    const client = await open();
    const backoff = { clock, random, initialMs: config.retryBackoffMs };
    const verdict = readVerdict(await withBackoff(backoff, shouldRetry, () => client.post(JSON.stringify(review))));
    const ttlMs = verdict.allowed ? config.allowTtlMs : config.denyTtlMs;
    known.delete(key);
    if (ttlMs > 0) known.set(key, { verdict, untilMs: steadyMs(clock) + ttlMs });
    if (known.size > MOST_ANSWERS) known.delete(known.keys().next().value!);
    return verdict;
  };
  return {
    name: 'ImagePolicyWebhook',
    handles: (attributes) =>
      (attributes.operation === 'CREATE' || attributes.operation === 'UPDATE') &&
      (isAbout(attributes, 'pods') || isAbout(attributes, 'pods', 'ephemeralcontainers')),
    async validate(attributes) {
      let verdict: Verdict;
      try {
        verdict = await ask(reviewSpec(attributes));
      } catch (error) {
        if (!config.defaultAllow) throw refuse(attributes, (error as Error).message);
        attributes.audit?.addAuditAnnotation(`${AUDIT_PREFIX}failed-open`, 'true');
        const { metadata } = attributes.object!;
        metadata.annotations = { ...metadata.annotations, [FAILED_OPEN]: 'true' };
        return;
      }
      for (const [key, value] of Object.entries(verdict.auditAnnotations))
        attributes.audit?.addAuditAnnotation(AUDIT_PREFIX + key, value);
      if (verdict.allowed) return;
      throw refuse(
        attributes,
        verdict.reason
          ? `image policy webhook backend denied one or more images: ${verdict.reason}`
          : 'one or more images rejected by webhook backend',
      );
    },
  };
}

function reviewSpec({ object, subresource, namespace }: AdmissionAttributes): object {
  const { metadata, spec } = object as unknown as V1Pod;
  const containers = subresource
    ? (spec?.ephemeralContainers ?? [])
    : [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const annotations = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes('.image-policy.k8s.io/'));
  return {
    ...(containers.length && { containers: containers.map(({ image }) => (image ? { image } : {})) }),
    ...(annotations.length && { annotations: Object.fromEntries(annotations) }),
    namespace,
  };
}

const VERSION = 'imagepolicy.k8s.io/v1alpha1';

/** What an answer leaves out is as empty as in Go: without a status nothing is allowed. An answer of another type or form is none. */
function readVerdict(review: unknown): Verdict {
  if (!isJsonMap(review)) throw new Error('the webhook’s answer is no object');
  const { apiVersion = VERSION, kind = 'ImageReview' } = review;
  if (kind !== 'ImageReview' || apiVersion !== VERSION)
    throw new Error(`the webhook’s answer is of kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`);
  const status = review['status'] ?? {};
  if (!isJsonMap(status)) throw new Error('the webhook’s answer has a status that is no object');
  const { allowed, reason, auditAnnotations } = status;
  if (allowed !== undefined && allowed !== null && typeof allowed !== 'boolean')
    throw new Error('the webhook’s answer has a status.allowed that is no boolean');
  const annotations = isJsonMap(auditAnnotations) ? Object.entries(auditAnnotations) : [];
  const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string';
  if (!annotations.every(isText)) throw new Error('the webhook’s answer has audit annotations that are no texts');
  return {
    allowed: allowed === true,
    reason: typeof reason === 'string' ? reason : '',
    auditAnnotations: Object.fromEntries(annotations),
  };
}
