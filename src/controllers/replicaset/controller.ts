import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { replicationControllerKind } from '../../api/core/v1/replication-controller.ts';
import type { V1Pod, V1PodTemplateSpec, V1ReplicaSet, V1ReplicaSetStatus, V1ReplicationController } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { type Selector, selectorFromLabelSelector, selectorFromLabels } from '../../api/machinery/label-selector.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { claim, planClaims } from '../workloads/claims.ts';
import { ownedPods } from '../workloads/owned-pods.ts';
import { controllerOf } from '../workloads/owner.ts';
import { OwnerQueue } from '../workloads/owner-queue.ts';
import { createPod, deletePod, inGrowingBatches, podFromTemplate } from '../workloads/pod-control.ts';
import { isActive, mattersToOwner, soonestAvailableInMs } from '../workloads/pod-state.ts';
import { LOOK_AGAIN_MS, PodWrites } from '../workloads/pod-writes.ts';
import { planReplicas, replicaStatus } from './plan.ts';

/** What keeps a number of pods: a ReplicaSet, or a ReplicationController, which is the same with an older selector. */
interface ReplicaKind<T extends KubeObject> {
  readonly kind: ResourceKind;
  readonly selectorOf: (object: T) => Selector;
  readonly countsTerminating: boolean;
}

type ReplicaOwner = KubeObject & {
  spec?: { replicas?: number; minReadySeconds?: number; template?: V1PodTemplateSpec };
  status?: V1ReplicaSetStatus;
};

/** Keeps as many pods of each ReplicaSet as it says. */
export function createReplicaSetController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  return createReplicaController<V1ReplicaSet & ReplicaOwner>(
    context,
    { kind: replicaSetKind, selectorOf: ({ spec }) => selectorFromLabelSelector(spec?.selector), countsTerminating: true },
    options,
  );
}

/** The same for ReplicationControllers. */
export function createReplicationControllerController(
  context: ControllerContext,
  options: { readonly workers?: number } = {},
): Component {
  return createReplicaController<V1ReplicationController & ReplicaOwner>(
    context,
    {
      kind: replicationControllerKind,
      selectorOf: ({ spec }) => selectorFromLabels(spec?.selector ?? spec?.template?.metadata?.labels),
      countsTerminating: false,
    },
    options,
  );
}

function createReplicaController<T extends ReplicaOwner>(
  context: ControllerContext,
  { kind, selectorOf, countsTerminating }: ReplicaKind<T>,
  { workers }: { readonly workers?: number },
): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const owners = informers.of<T>(kind);
  const owned = ownedPods(informers);
  const writes = new PodWrites(clock, owned.pods);
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, ...(workers && { workers }) });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const owner = owners.get(name, namespace);
    if (!owner) return;
    const { uid = '' } = owner.metadata ?? {};
    const mayWrite = writes.areSeen(uid);
    const selector = selectorOf(owner);
    const candidates = [...owned.of(uid), ...owned.orphans(namespace)];
    const plan = planClaims(owner, selector, candidates);
    // Ended pods are nobody's business; their owner keeps them for the garbage collector.
    const living = { ...plan, adopt: plan.adopt.filter(isActive), release: plan.release.filter(isActive) };
    const pods = await claim<V1Pod>(living, { client, ownerKind: kind, owner, kind: podKind, signal });
    const failure = mayWrite && !owner.metadata?.deletionTimestamp ? await keepReplicas(owner, pods, signal) : undefined;
    const status = await writeStatus(owner, pods, failure, signal);
    if (failure !== undefined) throw failure;
    return mayWrite ? untilAvailable(owner, pods, status) : { requeueAfterMs: LOOK_AGAIN_MS };
  }

  /** Answers the first failure; the status tells of it before it is thrown. */
  async function keepReplicas(owner: T, pods: readonly V1Pod[], signal: AbortSignal): Promise<unknown> {
    const control = { client, events, writes, signal };
    const { create, remove } = planReplicas(owner.spec?.replicas ?? 1, pods, siblingsOf(owner), clock.now());
    if (create > 0) {
      const { error } = await inGrowingBatches(create, () =>
        createPod(owner, podFromTemplate(kind, owner, owner.spec?.template), control),
      );
      return error;
    }
    const results = await Promise.allSettled(remove.map((pod) => deletePod(owner, pod, control)));
    return results.find((result) => result.status === 'rejected')?.reason;
  }

  /** Pods of all owners with the same controller (the ReplicaSets of a Deployment) count when one is to leave a node. */
  function siblingsOf(owner: T): (nodeName: string) => number {
    const parent = controllerOf(owner)?.uid;
    let counts: Map<string, number> | undefined;
    return (nodeName) => {
      if (!counts) {
        counts = new Map();
        const related = parent
          ? owners.list(owner.metadata?.namespace).filter((other) => controllerOf(other)?.uid === parent)
          : [owner];
        for (const { metadata } of related)
          for (const pod of owned.of(metadata?.uid ?? ''))
            if (pod.spec?.nodeName && isActive(pod)) counts.set(pod.spec.nodeName, (counts.get(pod.spec.nodeName) ?? 0) + 1);
      }
      return counts.get(nodeName) ?? 0;
    };
  }

  async function writeStatus(
    owner: T,
    pods: readonly V1Pod[],
    failure: unknown,
    signal: AbortSignal,
  ): Promise<V1ReplicaSetStatus> {
    const status = replicaStatus({
      generation: owner.metadata?.generation,
      replicas: owner.spec?.replicas ?? 1,
      template: owner.spec?.template,
      minReadySeconds: owner.spec?.minReadySeconds,
      status: owner.status,
      owned: pods,
      failure,
      countsTerminating,
      nowMs: clock.now(),
    });
    if (!equalJson(status, owner.status ?? {}))
      await client.resource<T>(kind, owner.metadata?.namespace).update({ ...owner, status }, { subresource: 'status', signal });
    return status;
  }

  /** Ready pods become available by the passing of time: nothing else will bring us back then. */
  function untilAvailable(owner: T, pods: readonly V1Pod[], status: V1ReplicaSetStatus): Outcome {
    const { minReadySeconds = 0 } = owner.spec ?? {};
    if (minReadySeconds === 0 || status.availableReplicas === status.readyReplicas) return;
    const nowMs = clock.now();
    const waitMs = soonestAvailableInMs(pods, minReadySeconds, nowMs);
    return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
  }

  const queue = new OwnerQueue<T>({ kind, owners, selectorOf, loop });

  return createController(context, {
    sources: [
      source(owners, (owner, { type }) => {
        if (type === 'deleted') writes.forget(owner.metadata?.uid ?? '');
        else loop.add(keyOf(owner));
      }),
      source(owned.pods, (pod, change) => {
        const { previous } = change;
        if (change.type === 'updated' && previous && controllerOf(pod) && !mattersToOwner(previous, pod)) return;
        if (controllerOf(pod) || isActive(pod)) queue.add(pod, change);
        else queue.addFormer(pod, previous);
      }),
    ],
    loops: [loop],
  });
}
