/** How pods begin and how long their end may take (pkg/registry/core/pod/strategy.go). */
import type { V1Pod, V1PodCondition } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { qualityOfService } from './quality-of-service.ts';

const GATED: V1PodCondition = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export function preparePod(object: DynamicObject): void {
  const pod = object as V1Pod;
  pod.status = { phase: 'Pending', ...(pod.spec && { qosClass: qualityOfService(pod.spec) }) };
  if (pod.spec?.schedulingGates?.length) pod.status.conditions = [GATED];
}

/** Seconds that a pod gets to end: none when nothing of it runs. */
export function podGracePeriodSeconds(object: DynamicObject, requested: number | undefined): number {
  const { spec, status } = object as V1Pod;
  if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}
