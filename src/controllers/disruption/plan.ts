import type { V1Condition, V1Pod, V1PodDisruptionBudget, V1PodDisruptionBudgetStatus } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { scaledNumber } from '../deployment/replica-numbers.ts';
import { isReady } from '../workloads/pod-state.ts';

/** An eviction that led to no deletion for so long has come to nothing. */
export const DELETION_TIMEOUT_MS = 120_000;

/** So long after it was said a pod that nobody deletes is no target any more. */
const STALE_TARGET_MS = 120_000;

/** How many pods there should be: a number is given, or has to be asked of those who keep the pods. */
export interface Expectation {
  readonly expected: number;
  readonly desired: number;
}

/** Whether the pods' keepers have to be asked how many there should be. */
export function needsScale({ spec }: V1PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/**
 * @param pods how many pods the budget is for
 * @param scale how many their keepers want, where it matters
 */
export function expectationOf({ spec }: V1PodDisruptionBudget, pods: number, scale: number): Expectation {
  const maxUnavailable = spec?.maxUnavailable as number | string | undefined;
  const minAvailable = spec?.minAvailable as number | string | undefined;
  if (maxUnavailable !== undefined)
    return { expected: scale, desired: Math.max(0, scale - scaledNumber(maxUnavailable, scale, 'up')) };
  if (typeof minAvailable === 'string') return { expected: scale, desired: scaledNumber(minAvailable, scale, 'up') };
  return minAvailable === undefined ? { expected: 0, desired: 0 } : { expected: pods, desired: minAvailable };
}

/** In how long a pod is no target of disruption any more that was not deleted after all; undefined for one that is none, or stays one. */
export function targetStaleInMs({ metadata, status }: V1Pod, nowMs: number): number | undefined {
  if (metadata?.deletionTimestamp || status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined;
  const target = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  // A kubelet may take as long as it likes.
  if (target?.status !== 'True' || target.reason === 'TerminationByKubelet') return undefined;
  return Math.max(0, Date.parse(String(target.lastTransitionTime)) + STALE_TARGET_MS - nowMs);
}

/**
 * Evictions whose pods are still to go; those that came to nothing (`failed`) are forgotten. `recheckAfterMs` says when the next one will
 * be.
 */
export function openDisruptions(
  { status }: V1PodDisruptionBudget,
  pods: readonly V1Pod[],
  nowMs: number,
): { readonly disrupted: Record<string, string>; readonly failed: readonly V1Pod[]; readonly recheckAfterMs?: number } {
  const disrupted: Record<string, string> = {};
  const failed: V1Pod[] = [];
  let recheckAfterMs: number | undefined;
  const byName = new Map(pods.map((pod) => [pod.metadata?.name, pod]));
  for (const [name, time] of Object.entries(status?.disruptedPods ?? {})) {
    const pod = byName.get(name);
    const leftMs = Date.parse(String(time)) + DELETION_TIMEOUT_MS - nowMs;
    if (!pod || pod.metadata?.deletionTimestamp) continue;
    if (leftMs <= 0) {
      failed.push(pod);
      continue;
    }
    disrupted[name] = String(time);
    recheckAfterMs = Math.min(recheckAfterMs ?? Number.POSITIVE_INFINITY, leftMs);
  }
  return { disrupted, failed, ...(recheckAfterMs !== undefined && { recheckAfterMs }) };
}

/** Pods that count as there: ready, not going, and not about to be evicted. */
export function healthyOf(pods: readonly V1Pod[], disrupted: Readonly<Record<string, string>>): number {
  return pods.filter(
    (pod) => isReady(pod) && !pod.metadata?.deletionTimestamp && !Object.hasOwn(disrupted, pod.metadata?.name ?? ''),
  ).length;
}

export function budgetStatus(
  budget: V1PodDisruptionBudget,
  { expected, desired }: Expectation,
  healthy: number,
  disrupted: Readonly<Record<string, string>>,
  nowMs: number,
): V1PodDisruptionBudgetStatus {
  const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  const generation = budget.metadata?.generation;
  const said = allowed > 0 ? { status: 'True', reason: 'SufficientPods' } : { status: 'False', reason: 'InsufficientPods' };
  return {
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: { ...disrupted } }),
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: withAllowed(budget, { ...said, message: '' }, nowMs),
  };
}

/** Without knowing how many pods there should be nothing may be disrupted. */
export function failedStatus(budget: V1PodDisruptionBudget, message: string, nowMs: number): V1PodDisruptionBudgetStatus {
  return {
    ...budget.status,
    disruptionsAllowed: 0,
    conditions: withAllowed(budget, { status: 'False', reason: 'SyncFailed', message }, nowMs),
  } as V1PodDisruptionBudgetStatus;
}

function withAllowed(
  { status, metadata }: V1PodDisruptionBudget,
  said: { status: string; reason: string; message: string },
  nowMs: number,
): V1Condition[] {
  const type = 'DisruptionAllowed';
  const others = (status?.conditions ?? []).filter((condition) => condition.type !== type);
  const existing = status?.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime =
    existing?.status === said.status
      ? existing.lastTransitionTime
      : (formatTime(nowMs) as unknown as V1Condition['lastTransitionTime']);
  const observedGeneration = metadata?.generation;
  return [...others, { type, ...said, lastTransitionTime, ...(observedGeneration !== undefined && { observedGeneration }) }];
}
