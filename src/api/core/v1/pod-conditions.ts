import type { V1PodCondition, V1PodStatus } from '../../gen/types.ts';
import { formatTime } from '../../machinery/object.ts';

/**
 * The status with the condition in place of what it said before of the same type (pkg/api/v1/pod/util.go, UpdatePodCondition): the
 * time of the last transition is another one only where the condition turns.
 */
export function withPodCondition(
  status: V1PodStatus | undefined,
  condition: Omit<V1PodCondition, 'lastTransitionTime'>,
  nowMs: number,
): V1PodStatus {
  const conditions = [...(status?.conditions ?? [])];
  const at = conditions.findIndex(({ type }) => type === condition.type);
  const before = conditions[at];
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : formatTime(nowMs);
  conditions[at < 0 ? conditions.length : at] = { ...condition, ...(lastTransitionTime && { lastTransitionTime }) };
  return { ...status, conditions };
}
