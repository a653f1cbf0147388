import { parseIndexes } from '../../api/batch/v1/index-ranges.ts';
import type { V1Job, V1Pod } from '../../api/gen/types.ts';
import { inOrderOfProgress } from '../workloads/deletion-order.ts';
import { isActive, isReady, isTerminating } from '../workloads/pod-state.ts';
import { failureActionOf } from './failure-policy.ts';
import { IndexSet, readIndexes } from './index-set.ts';
import { allFailuresBefore, failuresBefore, indexOf, isIndexed, isTracked } from './job-pod.ts';

export interface JobView {
  readonly job: V1Job;
  readonly pods: readonly V1Pod[];
  readonly nowMs: number;
}

/** How a Job comes to its end: it is told at once, and becomes Failed or Complete when its last pod has ended. */
export interface Finish {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet';
  readonly reason: string;
  readonly message: string;
}

/** What is known of a Job after looking at its pods. */
export interface JobCount {
  readonly active: readonly V1Pod[];
  readonly ready: number;
  readonly terminating: number;
  /** Ended pods that are yet to be counted. */
  readonly newSucceeded: readonly V1Pod[];
  readonly newFailed: readonly V1Pod[];
  /** Ended pods that count for nothing: their finalizer goes all the same. */
  readonly ignored: readonly V1Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededIndexes: IndexSet;
  readonly failedIndexes: IndexSet;
  /** Failed pods that are kept until their index has another: they say how often it failed. By index. */
  readonly awaitingReplacement: ReadonlyMap<number, V1Pod>;
  readonly finish?: Finish;
}

export const conditionIn = (job: V1Job, type: string) =>
  job.status?.conditions?.find((c) => c.type === type && c.status === 'True');
export const isFinished = (job: V1Job): boolean => Boolean(conditionIn(job, 'Complete') ?? conditionIn(job, 'Failed'));

const countsOnlyFailed = ({ spec }: V1Job) =>
  (spec?.podReplacementPolicy ?? (spec?.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed')) === 'Failed';

/** A pod that is being deleted will not do its work any more, whatever it says; unless the Job waits until it has ended. */
function hasFailed(job: V1Job, { metadata, status }: V1Pod): boolean {
  if (status?.phase === 'Failed') return true;
  return !countsOnlyFailed(job) && Boolean(metadata?.deletionTimestamp) && status?.phase !== 'Succeeded';
}

/** Counts a Job's pods and finds whether that ends it (upstream's pkg/controller/job, syncJob). */
export function countJob({ job, pods, nowMs }: JobView): JobCount {
  const { status } = job;
  const uncounted = {
    succeeded: new Set(status?.uncountedTerminatedPods?.succeeded),
    failed: new Set(status?.uncountedTerminatedPods?.failed),
  };
  const completions = job.spec?.completions ?? 0;
  const uidOf = (pod: V1Pod) => pod.metadata?.uid ?? '';
  const inRange = (pod: V1Pod) => !isIndexed(job) || (indexOf(pod) ?? completions) < completions;
  const tracked = pods.filter(isTracked);
  const succeededPods = tracked.filter((pod) => pod.status?.phase === 'Succeeded');
  const failedPods = tracked.filter((pod) => hasFailed(job, pod));
  const succeededIndexes = isIndexed(job) ? readIndexes(status?.completedIndexes, completions) : new IndexSet();
  const newSucceeded: V1Pod[] = [];
  const ignored: V1Pod[] = [];
  for (const pod of succeededPods.filter((one) => !uncounted.succeeded.has(uidOf(one)))) {
    if (!inRange(pod) || (isIndexed(job) && succeededIndexes.has(indexOf(pod)!))) ignored.push(pod);
    else {
      newSucceeded.push(pod);
      if (isIndexed(job)) succeededIndexes.add(indexOf(pod)!);
    }
  }
  const failedIndexes = isIndexed(job) ? readIndexes(status?.failedIndexes, completions) : new IndexSet();
  const newFailed: V1Pod[] = [];
  const awaitingReplacement = new Map<number, V1Pod>();
  let failJob: string | undefined;
  const active = pods.filter(isActive);
  const activeIndexes = new Set(active.map(indexOf));
  for (const pod of failedPods.filter((one) => !uncounted.failed.has(uidOf(one)))) {
    const { action, message } = failureActionOf(job, pod);
    failJob ??= message;
    if (!inRange(pod)) {
      ignored.push(pod);
      continue;
    }
    const isCounted = action !== 'Ignore';
    const index = indexOf(pod);
    if (job.spec?.backoffLimitPerIndex !== undefined && index !== undefined) {
      if (isCounted && (action === 'FailIndex' || failuresBefore(pod) >= job.spec.backoffLimitPerIndex)) failedIndexes.add(index);
      else if (!activeIndexes.has(index) && !succeededIndexes.has(index)) {
        const other = awaitingReplacement.get(index);
        if (!other || allFailuresBefore(pod) >= allFailuresBefore(other)) awaitingReplacement.set(index, pod);
      }
    }
    (isCounted ? newFailed : ignored).push(pod);
  }
  for (const index of [...awaitingReplacement.keys()]) if (failedIndexes.has(index)) awaitingReplacement.delete(index);
  const failedBefore = (status?.failed ?? 0) + uncounted.failed.size;
  const counted = {
    active,
    ready: active.filter(isReady).length,
    terminating: pods.filter(isTerminating).length,
    newSucceeded,
    newFailed,
    ignored,
    succeeded: isIndexed(job) ? succeededIndexes.size : (status?.succeeded ?? 0) + uncounted.succeeded.size + newSucceeded.length,
    failed: failedBefore + newFailed.length,
    succeededIndexes,
    failedIndexes,
    awaitingReplacement,
  };
  const finish = finishOf(job, pods, counted, failJob, nowMs);
  return { ...counted, ...(finish && { finish }) };
}

/**
 * The same after the pods of a Job that ends have been told to go: those of one that failed count as failed, those of one that
 * succeeded, or is being deleted, for nothing. Nobody waits for their end to count them.
 */
export function countRemaining({ job, pods }: JobView, count: JobCount): JobCount {
  if (!count.finish && !job.metadata?.deletionTimestamp) return count;
  const { succeeded = [], failed = [] } = job.status?.uncountedTerminatedPods ?? {};
  const named = new Set([...succeeded, ...failed]);
  const seen = new Set([...count.newSucceeded, ...count.newFailed, ...count.ignored]);
  const remaining = pods.filter((pod) => isTracked(pod) && !seen.has(pod) && !named.has(pod.metadata?.uid ?? ''));
  const isFailure = (pod: V1Pod) => count.finish?.type === 'FailureTarget' && (!isIndexed(job) || indexOf(pod) !== undefined);
  return {
    ...count,
    newFailed: [...count.newFailed, ...remaining.filter(isFailure)],
    ignored: [...count.ignored, ...remaining.filter((pod) => !isFailure(pod))],
  };
}

function finishOf(
  job: V1Job,
  pods: readonly V1Pod[],
  count: JobCount,
  failJob: string | undefined,
  nowMs: number,
): Finish | undefined {
  const told = conditionIn(job, 'SuccessCriteriaMet') ?? conditionIn(job, 'FailureTarget');
  if (told) return { type: told.type as Finish['type'], reason: told.reason ?? '', message: told.message ?? '' };
  const fail = (reason: string, message: string): Finish => ({ type: 'FailureTarget', reason, message });
  if (failJob !== undefined) return fail('PodFailurePolicy', failJob);
  const { spec = {} as NonNullable<V1Job['spec']> } = job;
  const limit = spec.backoffLimit ?? 6;
  if (count.failed > limit || hasRestartedTooOften(job, pods))
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (deadlineMs(job) !== undefined && !spec.suspend && nowMs >= deadlineMs(job)!)
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  if (isIndexed(job) && spec.maxFailedIndexes !== undefined && count.failedIndexes.size > spec.maxFailedIndexes)
    return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  const decided = count.succeededIndexes.size + count.failedIndexes.size;
  if (count.failedIndexes.size > 0 && decided >= (spec.completions ?? 0)) return fail('FailedIndexes', 'Job has failed indexes');
  const rule = successRuleOf(job, count.succeededIndexes);
  if (rule !== undefined)
    return { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: `Matched rules at index ${rule}` };
  return completionOf(job, count);
}

/** All that was asked for is done. Pods that still run are waited for. */
function completionOf(job: V1Job, count: JobCount): Finish | undefined {
  const { completions } = job.spec ?? {};
  if (count.active.length > 0) return undefined;
  const isDone = completions === undefined ? count.succeeded > 0 : count.succeeded >= completions;
  if (!isDone) return undefined;
  return {
    type: 'SuccessCriteriaMet',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
}

/** When an active Job has taken too long. */
export function deadlineMs({ spec, status }: V1Job): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || !status?.startTime) return undefined;
  return Date.parse(String(status.startTime)) + spec.activeDeadlineSeconds * 1000;
}

/** Pods that restart their containers themselves count by these restarts. */
function hasRestartedTooOften({ spec }: V1Job, pods: readonly V1Pod[]): boolean {
  if (spec?.template?.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = pods.reduce((sum, { status }) => {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') return sum;
    const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    return sum + all.reduce((inPod, { restartCount }) => inPod + restartCount, 0);
  }, 0);
  const limit = spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** The first rule of the success policy that holds. */
function successRuleOf(job: V1Job, succeeded: IndexSet): number | undefined {
  const completions = job.spec?.completions ?? 0;
  const index = job.spec?.successPolicy?.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount;
    const parsed = parseIndexes(succeededIndexes, completions);
    return !('error' in parsed) && succeeded.countIn(parsed.ranges) >= (succeededCount ?? parsed.total);
  });
  return index === undefined || index < 0 ? undefined : index;
}

export interface JobSteps {
  /** Indexes of new pods; undefined for those of a Job without. */
  readonly create: readonly (number | undefined)[];
  readonly remove: readonly V1Pod[];
}

/** Pods created or deleted in one pass. */
export const BURST = 500;

/** How many pods are to be made, or which are to go, for a Job that goes on. */
export function planPods({ job, pods }: JobView, count: JobCount): JobSteps {
  const { spec } = job;
  if (spec?.suspend) return { create: [], remove: count.active };
  const parallelism = spec?.parallelism ?? 1;
  const { completions } = spec ?? {};
  const extra = isIndexed(job) ? extraPods(count, completions ?? 0) : [];
  const superfluous = new Set(extra);
  const active = count.active.filter((pod) => !superfluous.has(pod));
  const wanted =
    completions === undefined
      ? count.succeeded > 0
        ? active.length
        : parallelism
      : Math.max(0, Math.min(parallelism, completions - count.succeeded - count.failedIndexes.size));
  if (active.length > wanted) {
    const order = inOrderOfProgress(active);
    return { create: [], remove: [...extra, ...order.slice(0, active.length - wanted)].slice(0, BURST) };
  }
  if (extra.length > 0) return { create: [], remove: extra };
  // A Job that replaces only what has failed waits for pods that are still ending.
  const ending = countsOnlyFailed(job) ? count.terminating : 0;
  const missing = Math.min(BURST, wanted - active.length - ending);
  if (missing <= 0) return { create: [], remove: [] };
  if (!isIndexed(job)) return { create: Array.from({ length: missing }, () => undefined), remove: [] };
  const taken = new Set([...active.map(indexOf), ...(countsOnlyFailed(job) ? pods.filter(isTerminating).map(indexOf) : [])]);
  const create: number[] = [];
  for (let index = 0; index < (completions ?? 0) && create.length < missing; index++) {
    const decided = count.succeededIndexes.endOf(index) ?? count.failedIndexes.endOf(index);
    if (decided !== undefined) index = decided;
    else if (!taken.has(index)) create.push(index);
  }
  return { create, remove: [] };
}

/** Pods beside the one of each index that has come furthest, and pods of indexes that are done or that there are not. */
function extraPods(count: JobCount, completions: number): V1Pod[] {
  const kept = new Map<number, V1Pod>();
  for (const pod of inOrderOfProgress(count.active)) {
    const index = indexOf(pod);
    if (index !== undefined && index < completions && !count.succeededIndexes.has(index)) kept.set(index, pod);
  }
  const wanted = new Set(kept.values());
  return count.active.filter((pod) => !wanted.has(pod));
}

/** When a pod ended, as well as it can be known. */
export function endedAtMs({ status, metadata }: V1Pod): number {
  const statuses = status?.containerStatuses ?? [];
  const ends = statuses.map(({ state }) => (state?.terminated?.finishedAt ? Date.parse(String(state.terminated.finishedAt)) : 0));
  if (ends.length > 0 && ends.every((ms) => ms > 0)) return Math.max(...ends);
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(String(ready.lastTransitionTime));
  if (metadata?.deletionTimestamp)
    return Date.parse(String(metadata.deletionTimestamp)) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(String(metadata?.creationTimestamp ?? '')) || 0;
}
