import type { V1Pod, V1PodCondition } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';

/** Has not ended and is not being deleted. */
export function isActive({ metadata, status }: V1Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && !metadata?.deletionTimestamp;
}

/** Is being deleted and has not ended yet. */
export function isTerminating({ metadata, status }: V1Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && Boolean(metadata?.deletionTimestamp);
}

export function conditionOf(pod: V1Pod, type: string): V1PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: V1Pod): boolean {
  return conditionOf(pod, 'Ready')?.status === 'True';
}

/** Whether an update of a pod concerns those who count, own or lead to pods: most (a container's restart) do not. */
export function changedForOthers(before: V1Pod, after: V1Pod): boolean {
  return (
    isReady(before) !== isReady(after) ||
    before.status?.phase !== after.status?.phase ||
    before.metadata?.deletionTimestamp !== after.metadata?.deletionTimestamp ||
    before.metadata?.uid !== after.metadata?.uid ||
    before.spec?.nodeName !== after.spec?.nodeName ||
    !equalJson(before.metadata?.labels, after.metadata?.labels)
  );
}

/** Whether an update of a pod can change what its owner does or says: most (a container's restart) cannot. */
export function mattersToOwner(before: V1Pod, after: V1Pod): boolean {
  return changedForOthers(before, after) || !equalJson(before.metadata?.ownerReferences, after.metadata?.ownerReferences);
}

/** When a ready pod has been so for long enough; undefined for one that is not ready. */
export function availableAtMs(pod: V1Pod, minReadySeconds = 0): number | undefined {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds === 0) return 0;
  return ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) + minReadySeconds * 1000 : undefined;
}

export function isAvailable(pod: V1Pod, minReadySeconds: number | undefined, nowMs: number): boolean {
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/** In how long the next of the ready pods will have been so for long enough; undefined: none is waited for. */
export function soonestAvailableInMs(
  pods: Iterable<V1Pod>,
  minReadySeconds: number | undefined,
  nowMs: number,
): number | undefined {
  let soonest: number | undefined;
  for (const pod of pods) {
    const waitMs = (availableAtMs(pod, minReadySeconds) ?? nowMs) - nowMs;
    if (waitMs > 0 && waitMs < (soonest ?? Number.POSITIVE_INFINITY)) soonest = waitMs;
  }
  return soonest;
}
