import type { V1Node, V1Pod } from '../api/gen/types.ts';
import { equalJson } from '../api/machinery/clone.ts';
import type { Change } from '../client/informer.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Nominations } from './nominations.ts';
import { isFinished, podInfoOf } from './pod-info.ts';
import type { ClusterEvent } from './queue/cluster-event.ts';
import type { SchedulingQueue } from './queue/scheduling-queue.ts';

export interface WatchedParts {
  readonly state: ClusterState;
  readonly queue: SchedulingQueue;
  readonly nominations: Nominations;
  /** Whether a scheduler of that name is here. */
  readonly isOurs: (schedulerName: string) => boolean;
  readonly onPodGone: (uid: string) => void;
}

/** Brings a change of a node into state and queue. Heartbeats let nobody try again. */
export function applyNodeChange({ type, object, previous }: Change<V1Node>, { state, queue }: WatchedParts): void {
  if (type === 'deleted') {
    state.removeNode(object.metadata!.name!);
    queue.notice({ resource: 'NodeGone', node: object });
    return;
  }
  state.setNode(object);
  if (!previous) queue.notice({ resource: 'Node', action: 'add', node: object });
  else if (!equalJson(whatMatters(previous), whatMatters(object)))
    queue.notice({ resource: 'Node', action: 'update', node: object, previous });
}

function whatMatters({ metadata, spec, status }: V1Node): unknown {
  return [metadata?.labels, spec?.taints, spec?.unschedulable, status?.allocatable, status?.declaredFeatures];
}

/** Brings a change of a pod into state and queue. */
export function applyPodChange({ type, object, previous }: Change<V1Pod>, parts: WatchedParts): void {
  if (type === 'deleted') podGone(object, parts);
  else if (object.spec?.nodeName) placedPodSeen(object, previous, parts);
  else waitingPodSeen(object, previous, parts);
}

function podGone(pod: V1Pod, { state, queue, nominations, onPodGone }: WatchedParts): void {
  const uid = pod.metadata!.uid!;
  // Room that was kept for it is free again.
  const info = state.pod(uid) ?? (nominations.nodeOf(uid) !== undefined ? podInfoOf(pod) : undefined);
  state.removePod(uid);
  queue.delete(uid);
  nominations.delete(uid);
  onPodGone(uid);
  if (info) queue.notice({ resource: 'Pod', action: 'delete', pod: info });
}

function placedPodSeen(pod: V1Pod, previous: V1Pod | undefined, { state, queue, nominations, onPodGone }: WatchedParts): void {
  const uid = pod.metadata!.uid!;
  const known = state.pod(uid);
  queue.delete(uid);
  nominations.delete(uid);
  if (isFinished(pod)) {
    state.removePod(uid);
    onPodGone(uid);
    if (known) queue.notice({ resource: 'Pod', action: 'delete', pod: known });
    return;
  }
  const info = podInfoOf(pod);
  state.setPod(info);
  let event: ClusterEvent | undefined;
  if (!previous?.spec?.nodeName || !known) event = { resource: 'Pod', action: 'add', pod: info };
  else if (changedForOthers(previous, pod)) event = { resource: 'Pod', action: 'update', pod: info, previous: known };
  if (event) queue.notice(event);
}

/** A status that changes lets nobody in; labels, requests (counted by the generation and the status of resizing) and going do. */
function changedForOthers(before: V1Pod, after: V1Pod): boolean {
  if (before.metadata?.deletionTimestamp !== after.metadata?.deletionTimestamp) return true;
  if (before.metadata?.generation !== after.metadata?.generation) return true;
  if (!equalJson(before.metadata?.labels, after.metadata?.labels)) return true;
  const allocated = ({ status }: V1Pod) =>
    status?.containerStatuses?.map(({ allocatedResources, resources }) => [allocatedResources, resources]);
  return !equalJson(allocated(before), allocated(after));
}

function waitingPodSeen(pod: V1Pod, previous: V1Pod | undefined, { state, queue, nominations, isOurs }: WatchedParts): void {
  const { metadata, spec, status } = pod;
  const uid = metadata!.uid!;
  if (metadata?.deletionTimestamp || isFinished(pod)) {
    queue.delete(uid);
    nominations.delete(uid);
    return;
  }
  // An assumed pod that is shown without its node is an event from before the binding.
  if (!isOurs(spec?.schedulerName || 'default-scheduler') || state.pod(uid)) return;
  if (status?.nominatedNodeName) nominations.set(podInfoOf(pod), status.nominatedNodeName);
  else if (previous?.status?.nominatedNodeName) nominations.delete(uid);
  queue.set(pod);
}
