import type { V1Pod, V1PodTemplateSpec, V1ReplicaSetCondition, V1ReplicaSetStatus } from '../../api/gen/types.ts';
import { selectorFromLabels } from '../../api/machinery/label-selector.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { inDeletionOrder } from '../workloads/deletion-order.ts';
import { isActive, isAvailable, isReady, isTerminating } from '../workloads/pod-state.ts';

/** Pods created or deleted in one pass. */
export const BURST = 500;

export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly V1Pod[];
}

/**
 * How many pods are to be made, or which are to go, so that `replicas` are there.
 *
 * @param siblings how many pods of the same purpose (of all the ReplicaSets of a Deployment) are on a node
 */
export function planReplicas(
  replicas: number,
  owned: readonly V1Pod[],
  siblings: (nodeName: string) => number,
  nowMs: number,
): ReplicaPlan {
  const active = owned.filter(isActive);
  const surplus = active.length - replicas;
  if (surplus < 0) return { create: Math.min(-surplus, BURST), remove: [] };
  if (surplus === 0) return { create: 0, remove: [] };
  return { create: 0, remove: inDeletionOrder(active, siblings, nowMs).slice(0, Math.min(surplus, BURST)) };
}

export interface StatusFacts {
  readonly generation: number | undefined;
  readonly replicas: number;
  readonly template: V1PodTemplateSpec | undefined;
  readonly minReadySeconds: number | undefined;
  readonly status: V1ReplicaSetStatus | undefined;
  readonly owned: readonly V1Pod[];
  /** What went wrong in this pass. */
  readonly failure: unknown;
  /** ReplicationControllers have no count of terminating pods. */
  readonly countsTerminating: boolean;
  readonly nowMs: number;
}

/** The status that follows from the pods that are there. Zero counts are left out, as the server leaves them out. */
export function replicaStatus(facts: StatusFacts): V1ReplicaSetStatus {
  const { owned, minReadySeconds, status, nowMs } = facts;
  const active = owned.filter(isActive);
  const labels = selectorFromLabels(facts.template?.metadata?.labels);
  const ready = active.filter(isReady);
  const count = (name: string, value: number) => (value === 0 ? {} : { [name]: value });
  const conditions = failureConditions(facts, active.length);
  return {
    replicas: active.length,
    ...count('fullyLabeledReplicas', active.filter((pod) => labels.matches(pod.metadata?.labels)).length),
    ...count('readyReplicas', ready.length),
    ...count('availableReplicas', ready.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length),
    ...(facts.countsTerminating && { terminatingReplicas: owned.filter(isTerminating).length }),
    ...((facts.generation ?? status?.observedGeneration) && {
      observedGeneration: facts.generation ?? status?.observedGeneration,
    }),
    ...(conditions.length && { conditions }),
  };
}

function failureConditions({ status, failure, replicas, nowMs }: StatusFacts, active: number): V1ReplicaSetCondition[] {
  const others = (status?.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure');
  const existing = status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
  if (failure === undefined) return others;
  if (existing) return status?.conditions ?? [];
  const reason = active < replicas ? 'FailedCreate' : 'FailedDelete';
  const message = failure instanceof Error ? failure.message : String(failure);
  return [...others, { type: 'ReplicaFailure', status: 'True', reason, message, lastTransitionTime: formatTime(nowMs) as never }];
}
