import type { V2HorizontalPodAutoscaler, V2HorizontalPodAutoscalerStatus } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { Condition } from './scale-limits.ts';

export interface StatusSituation {
  readonly autoscaler: V2HorizontalPodAutoscaler;
  readonly conditions: readonly Condition[];
  readonly currentReplicas?: number;
  /** Unless it was found out this time, what was said before stays; so does a number that could not be told. */
  readonly found?: Partial<Pick<V2HorizontalPodAutoscalerStatus, 'desiredReplicas' | 'currentMetrics'>>;
  readonly hasScaled?: boolean;
  readonly nowMs: number;
}

/** The status with its conditions, each with the time since when it has been so. */
export function planStatus(situation: StatusSituation): V2HorizontalPodAutoscalerStatus {
  const { autoscaler, conditions, currentReplicas, found, hasScaled, nowMs } = situation;
  const { status } = autoscaler;
  const merged = [...(status?.conditions ?? [])];
  for (const wanted of conditions) {
    const at = merged.findIndex(({ type }) => type === wanted.type);
    const before = merged[at];
    const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : formatTime(nowMs);
    const next = { ...wanted, ...(lastTransitionTime && { lastTransitionTime }) };
    if (at < 0) merged.push(next);
    else merged[at] = next;
  }
  const lastScaleTime = hasScaled ? formatTime(nowMs) : status?.lastScaleTime;
  const { currentMetrics } = found ?? status ?? {};
  const desiredReplicas = found?.desiredReplicas ?? status?.desiredReplicas ?? 0;
  const replicas = currentReplicas ?? status?.currentReplicas;
  return {
    ...(status?.observedGeneration !== undefined && { observedGeneration: status.observedGeneration }),
    // A zero is left out, as upstream's encoding leaves it out: else the status would seem changed each time.
    ...(replicas && { currentReplicas: replicas }),
    desiredReplicas,
    ...(lastScaleTime && { lastScaleTime }),
    ...(currentMetrics && { currentMetrics }),
    conditions: merged,
  };
}
