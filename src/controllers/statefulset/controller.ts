import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import { statefulSetKind } from '../../api/apps/v1/stateful-set.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type {
  V1ControllerRevision,
  V1PersistentVolumeClaim,
  V1Pod,
  V1StatefulSet,
  V1StatefulSetStatus,
} from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { isNamespaceTerminating, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { claim, planClaims } from '../workloads/claims.ts';
import { ownedObjects, ownedPods } from '../workloads/owned-pods.ts';
import { controllerOf } from '../workloads/owner.ts';
import { OwnerQueue } from '../workloads/owner-queue.ts';
import { currentRevision, deleteRevisions, REVISION_LABEL, surplusRevisions, templateIn } from '../workloads/revisions.ts';
import { identityLabels, isInRange, memberPod, ordinalOf } from './member.ts';
import { MemberClaims } from './member-claims.ts';
import { planStatefulSet, type SetPlan, type SetView, setStatus } from './plan.ts';

/** Keeps the members of StatefulSets: pods with names and volumes of their own (upstream's pkg/controller/statefulset). */
export function createStatefulSetController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const sets = informers.of<V1StatefulSet>(statefulSetKind);
  const revisions = ownedObjects<V1ControllerRevision>(informers, controllerRevisionKind);
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const owned = ownedPods(informers);
  const memberClaims = new MemberClaims({ client, claims, events });
  const writes = new OwnWrites();
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const set = sets.get(name, namespace);
    if (!set) return writes.forget(key);
    if (writes.isBehind(set)) return;
    const selector = selectorFromLabelSelector(set.spec?.selector);
    const uid = set.metadata?.uid ?? '';
    const claimOptions = { client, ownerKind: statefulSetKind, owner: set, signal };
    const history = [...revisions.of(uid), ...revisions.orphans(namespace)];
    const kept = await claim(planClaims(set, selector, history), { ...claimOptions, kind: controllerRevisionKind });
    const candidates = [...owned.of(uid), ...owned.orphans(namespace)].filter((pod) => ordinalOf(set, pod) !== undefined);
    const pods = await claim<V1Pod>(planClaims(set, selector, candidates), { ...claimOptions, kind: podKind });
    if (set.metadata?.deletionTimestamp) {
      // Who orphans its dependents has orphaned its revisions: it is not to have new ones, which would roll its successor's members.
      const { updateRevision = '', currentRevision = '' } = set.status ?? {};
      return writeStatus(set, setStatus({ set, pods, updateRevision, currentRevision, nowMs: clock.now() }), signal);
    }
    const revisionOptions = { client, ownerKind: statefulSetKind, signal, collided: () => noteCollision(set, signal) };
    const update = await currentRevision(set, kept, revisionOptions);
    const current = kept.find(({ metadata }) => metadata?.name === set.status?.currentRevision) ?? update;
    const view: SetView = {
      set,
      pods,
      updateRevision: update.metadata?.name ?? '',
      currentRevision: current.metadata?.name ?? '',
      nowMs: clock.now(),
    };
    const plan = planStatefulSet(view);
    const failure = await act(view, plan, current, signal).catch((error: unknown) => error ?? new Error('unknown'));
    await writeStatus(set, setStatus(view), signal);
    if (failure !== undefined) throw failure;
    const live = new Set([
      view.updateRevision,
      view.currentRevision,
      ...pods.map((pod) => pod.metadata?.labels?.[REVISION_LABEL]),
    ]);
    const isLive = ({ metadata }: V1ControllerRevision) => live.has(metadata?.name);
    await deleteRevisions(surplusRevisions(kept, isLive, set.spec?.revisionHistoryLimit ?? 10), revisionOptions);
    return plan.recheckAfterMs === undefined ? undefined : { requeueAfterMs: plan.recheckAfterMs };
  }

  async function act(view: SetView, plan: SetPlan, current: V1ControllerRevision, signal: AbortSignal): Promise<void> {
    const { set } = view;
    for (const pod of view.pods) {
      const ordinal = ordinalOf(set, pod) ?? 0;
      await memberClaims.keepOwners(set, pod, ordinal, signal);
      await keepIdentity(set, pod, ordinal, signal);
    }
    for (const { ordinal, revision } of plan.create) {
      if (memberClaims.areStale(set, ordinal)) continue; // their deletion brings us back
      await memberClaims.ensure(set, ordinal, signal);
      const isCurrent = revision === 'current';
      const template = isCurrent ? templateIn(current) : set.spec?.template;
      await create(set, memberPod(set, ordinal, template, isCurrent ? view.currentRevision : view.updateRevision), signal);
    }
    for (const pod of view.pods) {
      const ordinal = ordinalOf(set, pod) ?? -1;
      // A claim that was deleted under a pod that waits for it.
      const isWaiting = pod.status?.phase === 'Pending' && !pod.metadata?.deletionTimestamp;
      if (isWaiting && isInRange(set, ordinal)) await memberClaims.ensure(set, ordinal, signal);
    }
    for (const pod of plan.recreate) {
      const isFailed = pod.status?.phase === 'Failed';
      const message = `StatefulSet ${set.metadata?.namespace}/${set.metadata?.name} is recreating ${isFailed ? 'failed' : 'terminated'} Pod ${pod.metadata?.name}`;
      const reason = isFailed ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod';
      events.event(set, isFailed ? 'Warning' : 'Normal', reason, message);
      await remove(set, pod, signal);
    }
    for (const pod of plan.remove) await remove(set, pod, signal);
  }

  async function create(set: V1StatefulSet, pod: V1Pod, signal: AbortSignal): Promise<void> {
    const told = `create Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
    try {
      const created = client.resource<V1Pod>(podKind, set.metadata?.namespace).create(pod, { signal });
      // There is a pod of this name already: ours, which the informer has yet to show, or somebody's who must go first.
      if (await unlessReason(created, 'AlreadyExists')) events.event(set, 'Normal', 'SuccessfulCreate', `${told} successful`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (!signal.aborted) events.event(set, 'Warning', 'FailedCreate', `${told} failed error: ${(error as Error).message}`);
      throw error;
    }
  }

  async function remove(set: V1StatefulSet, pod: V1Pod, signal: AbortSignal): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    const told = `delete Pod ${name} in StatefulSet ${set.metadata?.name}`;
    try {
      const deleted = client.resource<V1Pod>(podKind, namespace).delete(name, { preconditions: { uid }, signal });
      if (await unlessReason(deleted, 'NotFound', 'Conflict'))
        events.event(set, 'Normal', 'SuccessfulDelete', `${told} successful`);
    } catch (error) {
      if (!signal.aborted) events.event(set, 'Warning', 'FailedDelete', `${told} failed error: ${(error as Error).message}`);
      throw error;
    }
  }

  /** One that was adopted may lack the labels that tell members apart. */
  async function keepIdentity(set: V1StatefulSet, pod: V1Pod, ordinal: number, signal: AbortSignal): Promise<void> {
    const labels = identityLabels(set, ordinal);
    if (Object.entries(labels).every(([name, value]) => pod.metadata?.labels?.[name] === value)) return;
    const { name = '', namespace, uid } = pod.metadata ?? {};
    const patched = client
      .resource<V1Pod>(podKind, namespace)
      .patch(name, { metadata: { uid, labels } }, { type: 'merge', signal });
    await unlessReason(patched, 'NotFound');
  }

  async function noteCollision(set: V1StatefulSet, signal: AbortSignal): Promise<void> {
    const status = { ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 } as V1StatefulSetStatus;
    await writeStatus(set, status, signal);
  }

  async function writeStatus(set: V1StatefulSet, status: V1StatefulSetStatus, signal: AbortSignal): Promise<void> {
    if (equalJson(status, set.status ?? {})) return;
    const resource = client.resource<V1StatefulSet>(statefulSetKind, set.metadata?.namespace);
    writes.note(await resource.update({ ...set, status }, { subresource: 'status', signal }));
  }

  const queue = new OwnerQueue<V1StatefulSet>({
    kind: statefulSetKind,
    owners: sets,
    selectorOf: ({ spec }) => selectorFromLabelSelector(spec?.selector),
    loop,
  });

  return createController(context, {
    sources: [
      source(sets, (set) => loop.add(keyOf(set))),
      source(owned.pods, (pod, change) => {
        queue.add(pod, change);
        // One of somebody else that had a member's name is gone.
        if (change.type === 'deleted' && controllerOf(pod)?.kind !== statefulSetKind.kind) queue.addSelecting(pod);
      }),
      source(revisions.informer, (revision, change) => queue.add(revision, change)),
      source(claims, (_claim, { type }) => {
        // A member may have waited for it to go.
        if (type === 'deleted') for (const set of sets.list(_claim.metadata?.namespace)) loop.add(keyOf(set));
      }),
    ],
    loops: [loop],
  });
}
