import type { Dial } from '../../client/transport/https.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { digestOf } from '../authentication/secret-values.ts';
import type { AuthorizationAttributes, Authorizer, Decision } from '../contracts.ts';
import { openWebhookClient, type WebhookClient, WebhookFailure, withBackoff } from '../outgoing/webhook-client.ts';
import type { ReviewConditions } from './review-conditions.ts';
import { reviewSpec } from './review-spec.ts';
import type { RuleResolver } from './rule-resolver.ts';

export interface WebhookAuthorizerConfig {
  readonly kubeconfigPath: string;
  readonly version: 'v1' | 'v1beta1';
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  /** What a webhook that does not answer means. */
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  /** Which requests it is asked about; absent: all. */
  readonly holds?: ReviewConditions;
}

export interface WebhookAuthorizerDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Makes connections to it. Default: they are made directly. */
  readonly dial?: Dial | undefined;
}

const INITIAL_BACKOFF_MS = 500;
const MOST_ANSWERS = 8192;
/** What asks for more than this, by its own choice, is asked about every time, as upstream. */
const LARGEST_QUESTION = 10_000;

/** Asks another server what a user may, by SubjectAccessReview (apiserver/plugin/pkg/authorizer/webhook). */
export async function openWebhookAuthorizer(
  config: WebhookAuthorizerConfig,
  deps: WebhookAuthorizerDeps,
): Promise<Authorizer & RuleResolver & { close(): Promise<void> }> {
  const client = await openWebhookClient(config.kubeconfigPath, {
    clock: deps.clock,
    dial: deps.dial,
    timeoutMs: config.timeoutMs,
  });
  return { ...createWebhookAuthorizer(client, config, deps), close: () => client.close() };
}

export function createWebhookAuthorizer(
  client: Pick<WebhookClient, 'post'>,
  config: Omit<WebhookAuthorizerConfig, 'kubeconfigPath' | 'timeoutMs'>,
  { clock, random }: WebhookAuthorizerDeps,
): Authorizer & RuleResolver {
  const known = new Map<string, { readonly decision: Decision; readonly untilMs: number }>();
  const remember = (key: string, decision: Decision) => {
    const ttlMs = decision.decision === 'allow' ? config.authorizedTtlMs : config.unauthorizedTtlMs;
    if (ttlMs <= 0) return;
    known.delete(key);
    known.set(key, { decision, untilMs: steadyMs(clock) + ttlMs });
    if (known.size > MOST_ANSWERS) known.delete(known.keys().next().value!);
  };
  const failed = (error: unknown): Decision => ({
    decision: config.failurePolicy === 'Deny' ? 'deny' : 'no-opinion',
    reason: '',
    evaluationError: (error as Error).message,
  });
  const isAsked = (attributes: AuthorizationAttributes) => config.holds?.(attributes) ?? true;
  return {
    async authorize(attributes) {
      try {
        if (!isAsked(attributes)) return { decision: 'no-opinion', reason: '' };
      } catch (error) {
        return failed(error);
      }
      const spec = reviewSpec(attributes, config.version);
      // By hash: with each question stand all groups of who asks.
      const key = digestOf(JSON.stringify(spec)).toString('base64');
      const found = known.get(key);
      if (found && found.untilMs > steadyMs(clock)) return found.decision;
      const apiVersion = `authorization.k8s.io/${config.version}`;
      const metadata = { creationTimestamp: null };
      const body = JSON.stringify({ kind: 'SubjectAccessReview', apiVersion, metadata, spec, status: { allowed: false } });
      try {
        const shouldRetry = (error: unknown) => error instanceof WebhookFailure && error.retryable;
        const review = await withBackoff({ clock, random, initialMs: INITIAL_BACKOFF_MS }, shouldRetry, () => client.post(body));
        const decision = readDecision(review);
        if (chosenLength(attributes) < LARGEST_QUESTION) remember(key, decision);
        return decision;
      } catch (error) {
        return failed(error);
      }
    },
    rulesFor: () => ({ rules: [], incomplete: true, problems: ['webhook authorizer does not support user rule resolution'] }),
  };
}

/** How much of a question is the asker's to choose; who he is is not. */
function chosenLength(attributes: AuthorizationAttributes): number {
  const {
    namespace,
    verb,
    group,
    version,
    resource,
    subresource,
    name,
    path,
    fieldSelector = '',
    labelSelector = '',
  } = attributes;
  const chosen = [namespace, verb, group, version, resource, subresource, name, path, fieldSelector, labelSelector];
  return chosen.reduce((sum, text) => sum + text.length, 0);
}

/** Without a status it is no opinion. Throws for what is no answer. */
function readDecision(review: unknown): Decision {
  if (typeof review !== 'object' || review === null) throw new Error('the webhook’s answer is no SubjectAccessReview');
  const { status } = review as { status?: { allowed?: unknown; denied?: unknown; reason?: unknown } };
  const reason = typeof status?.reason === 'string' ? status.reason : '';
  if (status?.denied === true) {
    const both = status.allowed === true && { evaluationError: BOTH };
    return { decision: 'deny', reason, ...both };
  }
  return { decision: status?.allowed === true ? 'allow' : 'no-opinion', reason };
}

const BOTH = 'webhook subject access review returned both allow and deny response';
