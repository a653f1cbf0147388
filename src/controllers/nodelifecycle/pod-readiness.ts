import type { V1Pod, V1PodCondition } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';

/** A pod's conditions with Ready False, for when its node no longer tells; undefined when it is not Ready anyway. */
export function planNotReady(pod: V1Pod, nowMs: number): V1PodCondition[] | undefined {
  const conditions = pod.status?.conditions ?? [];
  if (!conditions.some((c) => c.type === 'Ready' && c.status === 'True')) return undefined;
  return conditions.map((c) => (c.type === 'Ready' ? { ...c, status: 'False', lastTransitionTime: formatTime(nowMs) } : c));
}
