import type { V1Pod, V1StatefulSet, V1StatefulSetStatus } from '../../api/gen/types.ts';
import { scaledNumber } from '../deployment/replica-numbers.ts';
import { isAvailable, isReady, soonestAvailableInMs } from '../workloads/pod-state.ts';
import { REVISION_LABEL } from '../workloads/revisions.ts';
import { firstOrdinal, isInRange, ordinalOf, replicasOf } from './member.ts';

export interface SetView {
  readonly set: V1StatefulSet;
  /** Its members. */
  readonly pods: readonly V1Pod[];
  /** Names of revisions: of the template as it is, and of the one that was rolled out last. */
  readonly updateRevision: string;
  readonly currentRevision: string;
  readonly nowMs: number;
}

export interface SetPlan {
  readonly create: readonly { readonly ordinal: number; readonly revision: 'current' | 'update' }[];
  /** Ended members make room for another of their name. */
  readonly recreate: readonly V1Pod[];
  readonly remove: readonly V1Pod[];
  /** When a ready member is available at last. */
  readonly recheckAfterMs?: number;
}

const revisionOf = (pod: V1Pod) => pod.metadata?.labels?.[REVISION_LABEL];
const isCreated = (pod: V1Pod) => Boolean(pod.status?.phase);
const isGoing = (pod: V1Pod) => Boolean(pod.metadata?.deletionTimestamp);
const isEnded = (pod: V1Pod) => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
const isRunningAndReady = (pod: V1Pod) => pod.status?.phase === 'Running' && isReady(pod);

/** Members made in one pass; those are heard of, and the next follow. */
const BURST = 500;

/**
 * The next steps of a set: members are made from the first on, taken from the last on, and renewed from the last on. Unless the set says Parallel,
 * one follows when those before are ready (upstream's pkg/controller/statefulset/stateful_set_control.go).
 */
export function planStatefulSet(view: SetView): SetPlan {
  const { set, nowMs } = view;
  const inOrder = set.spec?.podManagementPolicy !== 'Parallel';
  const minReadySeconds = set.spec?.minReadySeconds;
  const byOrdinal = new Map(view.pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const create: { ordinal: number; revision: 'current' | 'update' }[] = [];
  const recreate: V1Pod[] = [];
  const isUp = (pod: V1Pod) => isRunningAndReady(pod) && isAvailable(pod, minReadySeconds, nowMs) && !isGoing(pod);
  const wait = waitFor(view);
  const plan = (remove: readonly V1Pod[] = []): SetPlan => ({ create, recreate, remove, ...wait });

  const first = firstOrdinal(set);
  const last = first + replicasOf(set) - 1;
  for (let ordinal = first; ordinal <= last && create.length < BURST; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) create.push({ ordinal, revision: revisionFor(view, ordinal) });
    else if (isEnded(pod)) {
      if (!isGoing(pod)) recreate.push(pod);
    } else if (isUp(pod) || !inOrder) continue;
    if (inOrder) return plan();
  }

  const condemned = view.pods.filter((pod) => !isInRange(set, ordinalOf(set, pod) ?? -1));
  condemned.sort((a, b) => (ordinalOf(set, b) ?? 0) - (ordinalOf(set, a) ?? 0));
  const unhealthy = view.pods.filter((pod) => !isUp(pod)).sort((a, b) => (ordinalOf(set, a) ?? 0) - (ordinalOf(set, b) ?? 0))[0];
  if (!inOrder && condemned.length > 0) return plan(condemned.filter((pod) => !isGoing(pod)));
  const [next] = condemned;
  if (next) {
    if (isGoing(next) || (!isUp(next) && next !== unhealthy)) return plan();
    return plan([next]);
  }
  // Members that are made anew come before those that are renewed.
  return create.length + recreate.length > 0 ? plan() : plan(planRenewal(view, byOrdinal, isUp));
}

/** Members below the partition keep the template that was rolled out before. */
function revisionFor(view: SetView, ordinal: number): 'current' | 'update' {
  const { set } = view;
  if (view.currentRevision === view.updateRevision) return 'update';
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (type === 'OnDelete') return 'update';
  if (rollingUpdate) return ordinal < firstOrdinal(set) + (rollingUpdate.partition ?? 0) ? 'current' : 'update';
  // Without as much as a partition, a member lost in the middle of a rollout comes back as it was: renewal goes from the last on.
  const current = view.pods.filter((pod) => isCreated(pod) && !isGoing(pod) && revisionOf(pod) === view.currentRevision).length;
  return ordinal < firstOrdinal(set) + current ? 'current' : 'update';
}

function planRenewal(
  { set, updateRevision }: SetView,
  byOrdinal: ReadonlyMap<number, V1Pod>,
  isUp: (pod: V1Pod) => boolean,
): V1Pod[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const { partition = 0, maxUnavailable } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const replicas = replicasOf(set);
  const most = Math.max(1, scaledNumber((maxUnavailable as number | string | undefined) ?? 1, replicas, 'up'));
  const first = firstOrdinal(set);
  const members = Array.from({ length: replicas }, (_, i) => byOrdinal.get(first + i)).filter((pod) => pod !== undefined);
  let room = most - members.filter((pod) => !isUp(pod)).length;
  const remove: V1Pod[] = [];
  for (let ordinal = first + replicas - 1; ordinal >= first + partition; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (!pod || isGoing(pod) || revisionOf(pod) === updateRevision) continue;
    // One that is down already costs nothing more.
    if (!isUp(pod) || room-- > 0) remove.push(pod);
  }
  return remove;
}

function waitFor({ set, pods, nowMs }: SetView): { recheckAfterMs?: number } {
  const recheckAfterMs = soonestAvailableInMs(pods, set.spec?.minReadySeconds, nowMs);
  return recheckAfterMs === undefined ? {} : { recheckAfterMs };
}

/** The status that follows from the members that are there. A rollout that is through makes its revision the current one. */
export function setStatus(view: SetView): V1StatefulSetStatus {
  const { set, pods, updateRevision, nowMs } = view;
  const created = pods.filter(isCreated);
  const living = created.filter((pod) => !isGoing(pod));
  const ready = created.filter(isRunningAndReady);
  const updated = living.filter((pod) => revisionOf(pod) === updateRevision).length;
  const replicas = replicasOf(set);
  const isThrough =
    set.spec?.updateStrategy?.type !== 'OnDelete' &&
    [updated, ready.length, created.length].every((number) => number === replicas);
  const currentRevision = isThrough ? updateRevision : view.currentRevision;
  const current = living.filter((pod) => revisionOf(pod) === currentRevision).length;
  const count = (name: string, value: number) => (value > 0 ? { [name]: value } : {});
  const { collisionCount = 0, conditions } = set.status ?? {};
  return {
    replicas: created.length,
    ...count('readyReplicas', ready.length),
    availableReplicas: ready.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds, nowMs)).length,
    ...count('currentReplicas', current),
    ...count('updatedReplicas', updated),
    currentRevision,
    updateRevision,
    collisionCount,
    ...(set.metadata?.generation && { observedGeneration: set.metadata.generation }),
    ...(conditions && { conditions }),
  };
}
