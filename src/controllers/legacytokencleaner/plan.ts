import type { V1Pod, V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';
import { belongsTo } from '../serviceaccount-token/plan.ts';

export const LAST_USED_LABEL = 'kubernetes.io/legacy-token-last-used';
export const INVALID_SINCE_LABEL = 'kubernetes.io/legacy-token-invalid-since';

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d\d-\d\d$/;

/** The day of a time, as those labels have it. */
export const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const isDate = (text: string | undefined): text is string =>
  text !== undefined && DATE.test(text) && !Number.isNaN(Date.parse(text));

/**
 * From when on it can be told how long a token has not been used: the whole period after the day on which the API server began to keep
 * account. Undefined for what is no date.
 */
export function knownFromMs(since: string | undefined, periodMs: number): number | undefined {
  return isDate(since) ? Date.parse(since) + DAY_MS + periodMs : undefined;
}

export interface TokenSituation {
  readonly secret: V1Secret;
  readonly account: V1ServiceAccount | undefined;
  /** All of its namespace. */
  readonly pods: readonly V1Pod[];
  readonly nowMs: number;
  readonly periodMs: number;
}

/** First a token that nobody has used for the period is marked, then, after as long again, deleted; only those that were made by themselves. */
export function planToken({ secret, account, pods, nowMs, periodMs }: TokenSituation): 'keep' | 'mark' | 'delete' {
  const { name = '', labels = {}, creationTimestamp, deletionTimestamp } = secret.metadata ?? {};
  const beforeMs = nowMs - periodMs;
  if (deletionTimestamp || !creationTimestamp || Date.parse(creationTimestamp) >= beforeMs) return 'keep';
  const lastUsed = labels[LAST_USED_LABEL];
  if (lastUsed !== undefined && (!isDate(lastUsed) || lastUsed >= dateOf(beforeMs))) return 'keep';
  // Tokens that somebody made by hand are not named by their account.
  if (!account || !belongsTo(secret, account) || !account.secrets?.some((one) => one.name === name)) return 'keep';
  if (pods.some((pod) => usesSecret(pod, name))) return 'keep';
  const invalidSince = labels[INVALID_SINCE_LABEL];
  if (!isDate(invalidSince)) return 'mark';
  return invalidSince < dateOf(beforeMs) ? 'delete' : 'keep';
}

function usesSecret({ spec }: V1Pod, name: string): boolean {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])];
  return (
    (spec?.imagePullSecrets ?? []).some((one) => one.name === name) ||
    (spec?.volumes ?? []).some(
      ({ secret, projected }) => secret?.secretName === name || projected?.sources?.some((one) => one.secret?.name === name),
    ) ||
    containers.some(
      ({ env = [], envFrom = [] }) =>
        env.some(({ valueFrom }) => valueFrom?.secretKeyRef?.name === name) ||
        envFrom.some((one) => one.secretRef?.name === name),
    )
  );
}
