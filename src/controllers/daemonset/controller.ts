import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import { daemonSetKind } from '../../api/apps/v1/daemon-set.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1ControllerRevision, V1DaemonSet, V1DaemonSetStatus, V1Node, V1Pod } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { TurnPace } from '../../std/turn-pace.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { claim, planClaims } from '../workloads/claims.ts';
import { ownedObjects, ownedPods } from '../workloads/owned-pods.ts';
import { OwnerQueue } from '../workloads/owner-queue.ts';
import { createPod, deletePod, inGrowingBatches } from '../workloads/pod-control.ts';
import { soonestAvailableInMs } from '../workloads/pod-state.ts';
import { LOOK_AGAIN_MS, PodWrites } from '../workloads/pod-writes.ts';
import { currentRevision, deleteRevisions, REVISION_LABEL, surplusRevisions } from '../workloads/revisions.ts';
import { daemonPod, type Fit, fitOf } from './daemon-pod.ts';
import { FailedDaemons } from './failed-daemons.ts';
import { type DaemonView, daemonStatus, planDaemons, planRollingUpdate, podsByNode } from './plan.ts';

/** Pods created or deleted in one pass, as upstream. */
const BURST = 250;

/** Keeps a pod of each DaemonSet on every node that it is for (upstream's pkg/controller/daemon). */
export function createDaemonSetController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const sets = informers.of<V1DaemonSet>(daemonSetKind);
  const nodes = informers.of<V1Node>(nodeKind);
  const revisions = ownedObjects<V1ControllerRevision>(informers, controllerRevisionKind);
  const owned = ownedPods(informers);
  const writes = new PodWrites(clock, owned.pods);
  const failed = new FailedDaemons(clock);
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return;
    const { matchLabels = {}, matchExpressions = [] } = set.spec?.selector ?? {};
    if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
      events.event(set, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
      return;
    }
    if (set.metadata?.deletionTimestamp) return;
    const selector = selectorFromLabelSelector(set.spec?.selector);
    const uid = set.metadata?.uid ?? '';
    const history = [...revisions.of(uid), ...revisions.orphans(namespace)];
    const claimOptions = { client, ownerKind: daemonSetKind, owner: set, signal };
    const kept = await claim(planClaims(set, selector, history), { ...claimOptions, kind: controllerRevisionKind });
    const revisionOptions = { client, ownerKind: daemonSetKind, signal, collided: () => noteCollision(set, signal) };
    const revision = await currentRevision(set, kept, revisionOptions);
    const hash = revision.metadata?.labels?.[REVISION_LABEL] ?? '';
    const fits = await fitsOf(set);
    // Before the pods are: what is shown only after they were read would be made twice.
    const mayWrite = writes.areSeen(uid);
    const pods = await claim<V1Pod>(planClaims(set, selector, [...owned.of(uid), ...owned.orphans(namespace)]), {
      ...claimOptions,
      kind: podKind,
    });
    const view: DaemonView = {
      set,
      fits,
      byNode: podsByNode(pods),
      hash,
      nowMs: clock.now(),
      backoffMs: (nodeName) => failed.waitMs(uid, nodeName),
    };
    let recheckAfterMs: number | undefined;
    let failure: unknown;
    if (mayWrite) ({ recheckAfterMs, failure } = await act(view, signal));
    else recheckAfterMs = LOOK_AGAIN_MS;
    const live = new Set(pods.map((pod) => pod.metadata?.labels?.[REVISION_LABEL]).concat(hash));
    const isLive = (one: V1ControllerRevision) => live.has(one.metadata?.labels?.[REVISION_LABEL]);
    await deleteRevisions(surplusRevisions(kept, isLive, set.spec?.revisionHistoryLimit ?? 10), revisionOptions);
    await writeStatus(set, daemonStatus(view), signal);
    if (failure !== undefined) throw failure;
    const waits = [recheckAfterMs, untilAvailable(view)].filter((ms) => ms !== undefined);
    return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined;
  }

  /** A template may choose nodes by thousands of terms, and each of them is asked about each node. */
  async function fitsOf(set: V1DaemonSet): Promise<DaemonView['fits']> {
    const fits = new Map<string, Fit>();
    const pace = new TurnPace();
    for (const node of nodes.list()) {
      fits.set(node.metadata?.name ?? '', fitOf(set, node));
      const rest = pace.rest();
      if (rest !== undefined) await rest;
    }
    return fits;
  }

  async function act(view: DaemonView, signal: AbortSignal): Promise<{ recheckAfterMs?: number; failure?: unknown }> {
    const { set } = view;
    const uid = set.metadata?.uid ?? '';
    const plan = planDaemons(view);
    for (const { pod, nodeName } of plan.ended) {
      const { namespace, name } = pod.metadata ?? {};
      const isFailed = pod.status?.phase === 'Failed';
      const message = `Found ${isFailed ? 'failed' : 'succeeded'} daemon pod ${namespace}/${name} on node ${nodeName}, will try to ${isFailed ? 'kill' : 'delete'} it`;
      events.event(set, isFailed ? 'Warning' : 'Normal', isFailed ? 'FailedDaemonPod' : 'SucceededDaemonPod', message);
      if (isFailed) failed.note(uid, nodeName);
    }
    const isRolling = set.spec?.updateStrategy?.type !== 'OnDelete';
    const isSettled = plan.create.length + plan.remove.length + plan.ended.length === 0;
    const rolling = isRolling && isSettled ? planRollingUpdate(view) : { create: [], remove: [] };
    const create = [...plan.create, ...rolling.create].slice(0, BURST);
    const remove = [...plan.ended.map(({ pod }) => pod), ...plan.remove, ...rolling.remove].slice(0, BURST);
    const control = { client, events, writes, signal };
    const { error } = await inGrowingBatches(create.length, (i) =>
      createPod(set, daemonPod(set, create[i]!, view.hash), control),
    );
    const removed = await Promise.allSettled(remove.map((pod) => deletePod(set, pod, control)));
    const failure = error ?? removed.find((result) => result.status === 'rejected')?.reason;
    return { recheckAfterMs: plan.recheckAfterMs, failure };
  }

  function untilAvailable({ set, byNode, nowMs }: DaemonView): number | undefined {
    return soonestAvailableInMs([...byNode.values()].flat(), set.spec?.minReadySeconds, nowMs);
  }

  async function noteCollision(set: V1DaemonSet, signal: AbortSignal): Promise<void> {
    const status = { ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 } as V1DaemonSetStatus;
    await writeStatus(set, status, signal);
  }

  async function writeStatus(set: V1DaemonSet, status: V1DaemonSetStatus, signal: AbortSignal): Promise<void> {
    if (equalJson(status, set.status ?? {})) return;
    const resource = client.resource<V1DaemonSet>(daemonSetKind, set.metadata?.namespace);
    await resource.update({ ...set, status }, { subresource: 'status', signal });
  }

  const queue = new OwnerQueue<V1DaemonSet>({
    kind: daemonSetKind,
    owners: sets,
    selectorOf: ({ spec }) => selectorFromLabelSelector(spec?.selector),
    loop,
  });

  return createController(context, {
    sources: [
      source(sets, (set, { type }) => {
        if (type !== 'deleted') return loop.add(keyOf(set));
        writes.forget(set.metadata?.uid ?? '');
        failed.forget(set.metadata?.uid ?? '');
      }),
      source(owned.pods, (pod, change) => queue.add(pod, change)),
      source(revisions.informer, (revision, change) => queue.add(revision, change)),
      source(nodes, (node, { type, previous }) => {
        // Most changes are a kubelet's report: where a set belongs does not depend on it.
        if (type === 'updated' && previous && sameForSets(previous, node)) return;
        for (const set of sets.list()) {
          if (type === 'updated' && previous && equalJson(fitOf(set, previous), fitOf(set, node))) continue;
          loop.add(keyOf(set));
        }
      }),
    ],
    loops: [loop],
  });
}

/** Whether a node is the same as far as sets choose nodes by it. */
const sameForSets = (before: V1Node, after: V1Node): boolean =>
  equalJson(before.metadata?.labels, after.metadata?.labels) && equalJson(before.spec?.taints, after.spec?.taints);
