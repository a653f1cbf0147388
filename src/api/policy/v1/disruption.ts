/** Whether a pod may be evicted, and what an eviction takes from the budget (pkg/registry/core/pod/storage/eviction.go). */
import type { V1Pod, V1PodDisruptionBudget, V1PodDisruptionBudgetStatus } from '../../gen/types.ts';
import { selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import { formatTime } from '../../machinery/object.ts';
import { forbidden, type StatusError, tooManyRequests } from '../../machinery/status-error.ts';

/** Evictions that the budget's controller has not yet seen to its end. */
const MOST_DISRUPTED_PODS = 2000;
const BUDGET = { group: 'policy', resource: 'poddisruptionbudget' };

/** Nothing is disrupted where nothing runs, or not any more. */
export function isUnguarded({ metadata, status }: V1Pod): boolean {
  const phase = status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || metadata?.deletionTimestamp !== undefined;
}

/** Whether an unguarded pod that is not the one seen might be guarded: it could have begun to run meanwhile. */
export function mayComeUnderGuard({ metadata, status }: V1Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && metadata?.deletionTimestamp === undefined;
}

/** Of one namespace's budgets, those that guard the pod. */
export function budgetsOf(pod: V1Pod, budgets: readonly V1PodDisruptionBudget[]): V1PodDisruptionBudget[] {
  const labels = pod.metadata?.labels;
  return budgets.filter(({ spec }) => {
    if (!spec?.selector) return false;
    return selectorFromLabelSelector(spec.selector as Parameters<typeof selectorFromLabelSelector>[0]).matches(labels);
  });
}

/** Whether a pod that is not ready anyway may go without anything being taken from the budget. */
export function sparesBudget(pod: V1Pod, { spec, status }: V1PodDisruptionBudget): boolean {
  if (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

/**
 * The budget's status after the pod's eviction.
 *
 * @throws StatusError 429 while the budget allows no more, 403 for a budget that its controller has got wrong
 */
export function takeFromBudget(budget: V1PodDisruptionBudget, podName: string, nowMs: number): V1PodDisruptionBudgetStatus {
  const name = budget.metadata?.name ?? '';
  const status = budget.status ?? ({} as V1PodDisruptionBudgetStatus);
  const { disruptionsAllowed = 0, disruptedPods = {} } = status;
  if ((status.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) throw stillProcessed(name);
  if (disruptionsAllowed < 0) throw forbidden(BUDGET, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length > MOST_DISRUPTED_PODS)
    throw forbidden(BUDGET, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (disruptionsAllowed === 0) throw refused(0, whyNoneAllowed(name, status));
  const left: V1PodDisruptionBudgetStatus = {
    ...status,
    disruptionsAllowed: disruptionsAllowed - 1,
    disruptedPods: { ...disruptedPods, [podName]: formatTime(nowMs) },
  };
  return left.disruptionsAllowed === 0 ? usedUp(left, nowMs) : left;
}

/** 429: ask again when the budget's controller has caught up. */
export const stillProcessed = (budgetName: string): StatusError =>
  refused(10, `The disruption budget ${budgetName} is still being processed by the server.`);

function whyNoneAllowed(name: string, { conditions = [], desiredHealthy = 0, currentHealthy = 0 }: V1PodDisruptionBudgetStatus) {
  const budget = `The disruption budget ${name}`;
  const told = conditions.find(({ type, status, message }) => type === 'DisruptionAllowed' && status === 'False' && message);
  // The numbers are worth nothing then.
  if (told?.reason === 'SyncFailed')
    return `${budget} does not allow evicting pods currently because it failed sync: ${told.message}`;
  if (currentHealthy <= desiredHealthy)
    return `${budget} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  const allowsNone = `${budget} does not allow evicting pods currently`;
  return told ? `${allowsNone} (${told.reason}): ${told.message}` : allowsNone;
}

function refused(retryAfterSeconds: number, cause: string): StatusError {
  const error = tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", retryAfterSeconds);
  const causes = [{ reason: 'DisruptionBudget', message: cause }];
  error.status.details = { causes, ...(retryAfterSeconds && { retryAfterSeconds }) };
  return error;
}

function usedUp(status: V1PodDisruptionBudgetStatus, nowMs: number): V1PodDisruptionBudgetStatus {
  const conditions = [...(status.conditions ?? [])];
  const at = conditions.findIndex(({ type }) => type === 'DisruptionAllowed');
  const before = conditions[at];
  conditions[at < 0 ? conditions.length : at] = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'InsufficientPods',
    message: '',
    ...(status.observedGeneration && { observedGeneration: status.observedGeneration }),
    lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : formatTime(nowMs),
  };
  return { ...status, conditions };
}
