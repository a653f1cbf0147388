import type { V1Pod, V1Service } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { Change } from '../../client/informer.ts';
import { keyOf } from '../framework/controller.ts';
import { changedForOthers } from '../workloads/pod-state.ts';
import { hasSelector } from './service-pods.ts';

/**
 * Brings a change of a pod to the Services that it belongs, or belonged, to.
 *
 * @param selecting answers the Services that select a pod
 * @param add called with the key of each
 */
export function servicesOfPods(
  selecting: (pod: V1Pod) => readonly V1Service[],
  add: (key: string) => void,
): (pod: V1Pod, change: Pick<Change<V1Pod>, 'type' | 'previous'>) => void {
  const addSelecting = (pod: V1Pod) => {
    for (const service of selecting(pod)) if (hasSelector(service)) add(keyOf(service));
  };
  return (pod, { type, previous }) => {
    if (type === 'updated' && previous && !matters(previous, pod)) return;
    addSelecting(pod);
    if (previous && !equalJson(previous.metadata?.labels, pod.metadata?.labels)) addSelecting(previous);
  };
}

/** Whether an update of a pod can change what is told of it. */
const matters = (before: V1Pod, after: V1Pod): boolean =>
  changedForOthers(before, after) || !equalJson(before.status?.podIPs, after.status?.podIPs);
