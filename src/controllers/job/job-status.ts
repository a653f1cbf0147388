import type { V1Job, V1JobCondition, V1JobStatus, V1Pod } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { isReady } from '../workloads/pod-state.ts';
import { writeIndexes } from './index-set.ts';
import { isIndexed } from './job-pod.ts';
import { conditionIn, type Finish, type JobCount } from './plan.ts';

/** Pods named in one status, so that it stays small. */
export const MOST_UNCOUNTED = 500;

type Conditions = readonly V1JobCondition[];

export function withCondition(
  conditions: Conditions,
  said: { type: string; status: 'True' | 'False'; reason: string; message: string },
  nowMs: number,
): V1JobCondition[] {
  const existing = conditions.find(({ type }) => type === said.type);
  if (existing?.status === said.status && existing.reason === said.reason && existing.message === said.message)
    return [...conditions];
  const now = formatTime(nowMs) as unknown as V1JobCondition['lastProbeTime'];
  const condition: V1JobCondition = { ...said, lastProbeTime: now, lastTransitionTime: now };
  return existing ? conditions.map((one) => (one === existing ? condition : one)) : [...conditions, condition];
}

/** How many pods run, are ready and end. */
export type PodNumbers = Pick<JobCount, 'finish' | 'ready' | 'terminating'> & { readonly active: number };

/** The numbers of pods after some were made and others told to go. */
export function afterPass(
  { finish, active, ready, terminating }: JobCount,
  created: number,
  removed: readonly V1Pod[],
): PodNumbers {
  return {
    ...(finish && { finish }),
    active: active.length + created - removed.length,
    ready: ready - removed.filter(isReady).length,
    terminating: terminating + removed.length,
  };
}

/** What the status says of pods and conditions now; counters of ended pods are left as they are. */
export function liveStatus(job: V1Job, count: PodNumbers, nowMs: number): V1JobStatus {
  const { spec, status = {} } = job;
  let conditions: Conditions = status.conditions ?? [];
  let { startTime } = status;
  const now = formatTime(nowMs) as unknown as V1JobStatus['startTime'];
  const isSuspended = conditionIn(job, 'Suspended') !== undefined;
  if (!count.finish && spec?.suspend && !isSuspended)
    conditions = withCondition(
      conditions,
      { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' },
      nowMs,
    );
  else if (!count.finish && !spec?.suspend && isSuspended)
    conditions = withCondition(
      conditions,
      { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' },
      nowMs,
    );
  // Taken away by the pause: the server lets nobody change it while a Job runs.
  if (!spec?.suspend) startTime ??= now;
  else if (!count.finish) startTime = undefined;
  if (count.finish) conditions = withCondition(conditions, { ...count.finish, status: 'True' }, nowMs);
  return {
    ...status,
    startTime,
    active: count.active || undefined,
    ready: count.ready,
    terminating: count.terminating,
    ...(conditions.length > 0 && { conditions: [...conditions] }),
    uncountedTerminatedPods: status.uncountedTerminatedPods ?? {},
  };
}

/** The status that names pods which have ended: they will be counted once their finalizer is gone, and never twice. */
export function withUncounted(
  status: V1JobStatus,
  { newSucceeded, newFailed }: { readonly newSucceeded: readonly V1Pod[]; readonly newFailed: readonly V1Pod[] },
  count: JobCount,
  job: V1Job,
): V1JobStatus {
  const uids = (pods: readonly V1Pod[]) => pods.map(({ metadata }) => metadata?.uid ?? '');
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const allSucceeded = isIndexed(job) ? [] : [...succeeded, ...uids(newSucceeded)];
  const allFailed = [...failed, ...uids(newFailed)];
  return {
    ...status,
    ...indexFields(job, count),
    uncountedTerminatedPods: {
      ...(allSucceeded.length > 0 && { succeeded: allSucceeded }),
      ...(allFailed.length > 0 && { failed: allFailed }),
    },
  };
}

/** Indexes that succeeded are counted by themselves: naming one twice does no harm. */
function indexFields(job: V1Job, count: JobCount): Partial<V1JobStatus> {
  if (!isIndexed(job)) return {};
  return {
    succeeded: count.succeededIndexes.size || undefined,
    completedIndexes: writeIndexes(count.succeededIndexes) || undefined,
    ...(job.spec?.backoffLimitPerIndex !== undefined && { failedIndexes: writeIndexes(count.failedIndexes) }),
  };
}

/** The status with those counted whose finalizer is gone, by `isReleased`. */
export function withCounted(status: V1JobStatus, isReleased: (uid: string) => boolean): V1JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const left = (uids: readonly string[]) => uids.filter((uid) => !isReleased(uid));
  const [stillSucceeded, stillFailed] = [left(succeeded), left(failed)];
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - stillSucceeded.length || undefined,
    failed: (status.failed ?? 0) + failed.length - stillFailed.length || undefined,
    uncountedTerminatedPods: {
      ...(stillSucceeded.length > 0 && { succeeded: stillSucceeded }),
      ...(stillFailed.length > 0 && { failed: stillFailed }),
    },
  };
}

/** The last word on a Job whose pods have all ended and been counted. */
export function withEnd(status: V1JobStatus, finish: Finish, nowMs: number): V1JobStatus {
  const isComplete = finish.type === 'SuccessCriteriaMet';
  const said = {
    type: isComplete ? 'Complete' : 'Failed',
    status: 'True' as const,
    reason: finish.reason,
    message: finish.message,
  };
  const conditions = withCondition(status.conditions ?? [], said, nowMs);
  const completionTime = formatTime(nowMs) as unknown as V1JobStatus['completionTime'];
  return { ...status, conditions, startTime: status.startTime ?? completionTime, ...(isComplete && { completionTime }) };
}
