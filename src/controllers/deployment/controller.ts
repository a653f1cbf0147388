import { deploymentKind } from '../../api/apps/v1/deployment.ts';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import type { V1Deployment, V1DeploymentStatus, V1ReplicaSet } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { hasReason, isNamespaceTerminating, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { claim, planClaims } from '../workloads/claims.ts';
import { ownedObjects, ownedPods } from '../workloads/owned-pods.ts';
import { controllerOf, refersTo } from '../workloads/owner.ts';
import { OwnerQueue } from '../workloads/owner-queue.ts';
import {
  annotationsOfNewest,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  REVISION,
  revisionOf,
  rollbackOf,
  scaleAnnotations,
} from './annotations.ts';
import { replicasOf } from './replica-numbers.ts';
import { equalTemplates, findNewest, highestRevision, newReplicaSet, othersThan } from './replica-sets.ts';
import { planRollback } from './rollback.ts';
import { planNewest, planOld, planScaling, replicasOfNewest, type Scaling, wasScaled } from './scaling-plan.ts';
import {
  conditionIn,
  countedStatus,
  deadlineMs,
  hasDeadline,
  isComplete,
  REASONS,
  rolloutStatus,
  withCondition,
} from './status-plan.ts';

/** The ReplicaSets of a Deployment while it is worked on. */
interface Sets {
  readonly newest: V1ReplicaSet | undefined;
  readonly old: readonly V1ReplicaSet[];
}

/** Rolls ReplicaSets out as Deployments say, and tells how far they are (upstream's pkg/controller/deployment). */
export function createDeploymentController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const deployments = informers.of<V1Deployment>(deploymentKind);
  const ownedSets = ownedObjects<V1ReplicaSet>(informers, replicaSetKind);
  const replicaSets = ownedSets.informer;
  const owned = ownedPods(informers);
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const known = deployments.get(name, namespace);
    if (!known) return;
    // What is worked on is a copy: status and annotations that we write are kept in it.
    const deployment: V1Deployment = { ...known, metadata: { ...known.metadata } };
    const selector = deployment.spec?.selector ?? {};
    if (!Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length) {
      events.event(
        deployment,
        'Warning',
        'SelectingAll',
        'This deployment is selecting all pods. A non-empty selector is required.',
      );
      await writeStatus(deployment, { ...deployment.status, observedGeneration: deployment.metadata?.generation }, signal);
      return;
    }
    const uid = deployment.metadata?.uid ?? '';
    const candidates = [...ownedSets.of(uid), ...ownedSets.orphans(namespace)];
    const plan = planClaims(deployment, selectorFromLabelSelector(selector), candidates);
    const sets = await claim<V1ReplicaSet>(plan, {
      client,
      ownerKind: deploymentKind,
      owner: deployment,
      kind: replicaSetKind,
      signal,
    });
    if (deployment.metadata?.deletionTimestamp) return tellCounts(deployment, split(deployment, sets), signal);
    await tellWhetherPaused(deployment, signal);
    const revision = deployment.spec?.paused ? undefined : rollbackOf(deployment);
    if (revision !== undefined) return goBack(deployment, revision, sets, signal);
    if (deployment.spec?.paused || wasScaled(deployment, sets)) return scale(deployment, sets, signal);
    return deployment.spec?.strategy?.type === 'Recreate' ? recreate(deployment, sets, signal) : roll(deployment, sets, signal);
  }

  const split = (deployment: V1Deployment, sets: readonly V1ReplicaSet[]): Sets => {
    const newest = findNewest(deployment, sets);
    return { newest, old: othersThan(newest, sets) };
  };
  const allOf = ({ newest, old }: Sets): V1ReplicaSet[] => (newest ? [...old, newest] : [...old]);

  async function roll(deployment: V1Deployment, sets: readonly V1ReplicaSet[], signal: AbortSignal): Promise<Outcome> {
    const state = await withNewest(deployment, sets, true, signal);
    const { newest, old } = state;
    if (!newest) return tellRollout(deployment, state, signal);
    const all = allOf(state);
    const up = planNewest(deployment, all, newest);
    const steps = up ? [up] : planOld(deployment, all, newest, old);
    const scaled = await carryOut(deployment, steps, state, signal);
    if (steps.length === 0 && isComplete(deployment, deployment.status ?? {})) await cleanUp(deployment, old, signal);
    return tellRollout(deployment, scaled, signal);
  }

  async function recreate(deployment: V1Deployment, sets: readonly V1ReplicaSet[], signal: AbortSignal): Promise<Outcome> {
    const state = await withNewest(deployment, sets, false, signal);
    const steps = state.old.filter((set) => replicasOf(set) > 0).map((set) => ({ set, replicas: 0 }));
    if (steps.length > 0) return tellRollout(deployment, await carryOut(deployment, steps, state, signal), signal);
    if (state.old.some(hasRunningPods)) return tellRollout(deployment, state, signal);
    const renewed = await withNewest(deployment, sets, true, signal);
    const { newest } = renewed;
    const up = newest && replicasOf(newest) !== replicasOf(deployment) ? [{ set: newest, replicas: replicasOf(deployment) }] : [];
    const scaled = await carryOut(deployment, up, renewed, signal);
    if (isComplete(deployment, deployment.status ?? {})) await cleanUp(deployment, renewed.old, signal);
    return tellRollout(deployment, scaled, signal);
  }

  /** Pods that still run stand in the way of new ones, whether they are seen or only told of. */
  const hasRunningPods = (set: V1ReplicaSet): boolean =>
    (set.status?.replicas ?? 0) > 0 ||
    owned.of(set.metadata?.uid ?? '').some(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');

  async function goBack(
    deployment: V1Deployment,
    revision: bigint,
    sets: readonly V1ReplicaSet[],
    signal: AbortSignal,
  ): Promise<undefined> {
    const state = await withNewest(deployment, sets, true, signal);
    const plan = planRollback(deployment, revision, allOf(state));
    await client.resource<V1Deployment>(deploymentKind, deployment.metadata?.namespace).update(plan.deployment, { signal });
    events.event(deployment, plan.event.type, plan.event.reason, plan.event.message);
  }

  async function scale(deployment: V1Deployment, sets: readonly V1ReplicaSet[], signal: AbortSignal): Promise<Outcome> {
    const state = await withNewest(deployment, sets, false, signal);
    const scaled = await carryOut(deployment, planScaling(deployment, state.newest, state.old), state, signal);
    if (deployment.spec?.paused && rollbackOf(deployment) === undefined) await cleanUp(deployment, scaled.old, signal);
    return tellCounts(deployment, scaled, signal);
  }

  /** The new ReplicaSet, with its revision and annotations as they should be; made when it is missing and `create` says so. */
  async function withNewest(
    deployment: V1Deployment,
    sets: readonly V1ReplicaSet[],
    create: boolean,
    signal: AbortSignal,
  ): Promise<Sets> {
    const state = split(deployment, sets);
    const revision = highestRevision(state.old) + 1n;
    const { newest } = state;
    if (newest) return { ...state, newest: await bringUpToDate(deployment, newest, revision, signal) };
    if (!create) return state;
    return { ...state, newest: await createNewest(deployment, state.old, revision, signal) };
  }

  async function bringUpToDate(
    deployment: V1Deployment,
    newest: V1ReplicaSet,
    revision: bigint,
    signal: AbortSignal,
  ): Promise<V1ReplicaSet> {
    const annotations = annotationsOfNewest(deployment, newest, revision);
    const minReadySeconds = deployment.spec?.minReadySeconds;
    let current = newest;
    if (!equalJson(annotations, newest.metadata?.annotations ?? {}) || minReadySeconds !== newest.spec?.minReadySeconds) {
      const changed = {
        ...newest,
        metadata: { ...newest.metadata, annotations },
        spec: { ...newest.spec!, minReadySeconds },
      } as V1ReplicaSet;
      current = await client.resource<V1ReplicaSet>(replicaSetKind, newest.metadata?.namespace).update(changed, { signal });
    }
    await noteRevision(deployment, revisionOf(current), signal);
    if (hasDeadline(deployment) && !conditionIn(deployment.status, 'Progressing')) {
      const message = `Found new replica set "${newest.metadata?.name}"`;
      await tellProgress(deployment, 'True', REASONS.found, message, signal);
    }
    return current;
  }

  async function createNewest(
    deployment: V1Deployment,
    old: readonly V1ReplicaSet[],
    revision: bigint,
    signal: AbortSignal,
  ): Promise<V1ReplicaSet | undefined> {
    const replicas = replicasOfNewest(deployment, old, undefined);
    const wanted = newReplicaSet(deployment, replicas, revision);
    const sets = client.resource<V1ReplicaSet>(replicaSetKind, deployment.metadata?.namespace);
    let created: V1ReplicaSet;
    try {
      created = await sets.create(wanted, { signal });
      if (replicas > 0) tellScaling(deployment, created, 0, replicas);
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (hasReason(error, 'AlreadyExists')) {
        const existing = await sets.get(wanted.metadata?.name ?? '', { signal });
        const isOurs = controllerOf(existing)?.uid === deployment.metadata?.uid;
        if (!isOurs || !equalTemplates(existing.spec?.template, deployment.spec?.template)) {
          // Somebody else has the name: another hash next time.
          const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
          await writeStatus(deployment, { ...deployment.status, collisionCount }, signal);
          throw error;
        }
        created = existing; // our own, which the informer has not shown yet
      } else {
        const message = `Failed to create new replica set "${wanted.metadata?.name}": ${(error as Error).message}`;
        if (!signal.aborted) events.event(deployment, 'Warning', REASONS.createFailed, message);
        if (hasDeadline(deployment)) await tellProgress(deployment, 'False', REASONS.createFailed, message, signal);
        throw error;
      }
    }
    await noteRevision(deployment, revisionOf(created), signal);
    if (hasDeadline(deployment))
      await tellProgress(deployment, 'True', REASONS.created, `Created new replica set "${created.metadata?.name}"`, signal);
    return created;
  }

  /** The Deployment's annotation says which revision its template is. */
  async function noteRevision(deployment: V1Deployment, revision: bigint, signal: AbortSignal): Promise<void> {
    if (revisionOf(deployment) === revision) return;
    const annotations = { ...deployment.metadata?.annotations, [REVISION]: String(revision) };
    // With the status, as upstream: the Deployment's generation counts what its users change.
    const written = await client
      .resource<V1Deployment>(deploymentKind, deployment.metadata?.namespace)
      .update({ ...deployment, metadata: { ...deployment.metadata, annotations } }, { subresource: 'status', signal });
    deployment.metadata = { ...written.metadata };
  }

  async function tellProgress(
    deployment: V1Deployment,
    status: 'True' | 'False' | 'Unknown',
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const said = { type: 'Progressing' as const, status, reason, message };
    const conditions = withCondition(deployment.status?.conditions ?? [], said, clock.now());
    await writeStatus(deployment, { ...deployment.status, conditions }, signal);
  }

  /** A Deployment that was paused or resumed has no deadline meanwhile. */
  async function tellWhetherPaused(deployment: V1Deployment, signal: AbortSignal): Promise<void> {
    if (!hasDeadline(deployment)) return;
    const { reason } = conditionIn(deployment.status, 'Progressing') ?? {};
    if (reason === REASONS.timedOut) return;
    if (deployment.spec?.paused && reason !== REASONS.paused)
      await tellProgress(deployment, 'Unknown', REASONS.paused, 'Deployment is paused', signal);
    else if (!deployment.spec?.paused && reason === REASONS.paused)
      await tellProgress(deployment, 'Unknown', REASONS.resumed, 'Deployment is resumed', signal);
  }

  /** Scales ReplicaSets, and answers them as they are then. */
  async function carryOut(
    deployment: V1Deployment,
    steps: readonly Scaling[],
    { newest, old }: Sets,
    signal: AbortSignal,
  ): Promise<Sets> {
    const changed = new Map<string, V1ReplicaSet>();
    for (const { set, replicas } of steps)
      changed.set(set.metadata?.uid ?? '', await scaleSet(deployment, set, replicas, signal));
    const now = (set: V1ReplicaSet) => changed.get(set.metadata?.uid ?? '') ?? set;
    return { newest: newest && now(newest), old: old.map(now) };
  }

  async function scaleSet(deployment: V1Deployment, set: V1ReplicaSet, replicas: number, signal: AbortSignal) {
    const wanted = scaleAnnotations(deployment);
    const existing = set.metadata?.annotations ?? {};
    const before = replicasOf(set);
    const isSaid = existing[DESIRED_REPLICAS] === wanted[DESIRED_REPLICAS] && existing[MAX_REPLICAS] === wanted[MAX_REPLICAS];
    if (before === replicas && isSaid) return set;
    const changed = {
      ...set,
      metadata: { ...set.metadata, annotations: { ...existing, ...wanted } },
      spec: { ...set.spec!, replicas },
    } as V1ReplicaSet;
    const scaled = await client.resource<V1ReplicaSet>(replicaSetKind, set.metadata?.namespace).update(changed, { signal });
    if (before !== replicas) tellScaling(deployment, set, before, replicas);
    return scaled;
  }

  function tellScaling(deployment: V1Deployment, set: V1ReplicaSet, from: number, to: number): void {
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${set.metadata?.name} from ${from} to ${to}`;
    events.event(deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  /** Old ReplicaSets without pods go, but for as many as a rollback may want. */
  async function cleanUp(deployment: V1Deployment, old: readonly V1ReplicaSet[], signal: AbortSignal): Promise<void> {
    const limit = deployment.spec?.revisionHistoryLimit ?? Number.POSITIVE_INFINITY;
    const living = old
      .filter(({ metadata }) => !metadata?.deletionTimestamp)
      .sort((a, b) => (revisionOf(a) < revisionOf(b) ? -1 : 1));
    for (const set of living.slice(0, Math.max(0, living.length - limit))) {
      const { name = '', namespace, uid, generation = 0 } = set.metadata ?? {};
      if (set.status?.replicas || replicasOf(set) > 0 || generation > (set.status?.observedGeneration ?? 0)) continue;
      await unlessReason(client.resource(replicaSetKind, namespace).delete(name, { preconditions: { uid }, signal }), 'NotFound');
    }
  }

  async function tellCounts(deployment: V1Deployment, sets: Sets, signal: AbortSignal): Promise<undefined> {
    await writeStatus(deployment, countedStatus(deployment, allOf(sets), sets.newest, clock.now()), signal);
    return undefined;
  }

  async function tellRollout(deployment: V1Deployment, sets: Sets, signal: AbortSignal): Promise<Outcome> {
    const status = rolloutStatus(deployment, allOf(sets), sets.newest, clock.now());
    await writeStatus(deployment, status, signal);
    // Nothing happens when a rollout is stuck: its deadline has to be looked after.
    const dueMs = isComplete(deployment, status) ? undefined : deadlineMs(deployment, status);
    return dueMs === undefined ? undefined : { requeueAfterMs: Math.max(0, dueMs - clock.now()) + 1000 };
  }

  async function writeStatus(deployment: V1Deployment, status: V1DeploymentStatus, signal: AbortSignal): Promise<void> {
    if (equalJson(status, deployment.status ?? {})) return;
    const changed = { ...deployment, status };
    const written = await client
      .resource<V1Deployment>(deploymentKind, deployment.metadata?.namespace)
      .update(changed, { subresource: 'status', signal });
    deployment.status = written.status;
    deployment.metadata = { ...deployment.metadata, resourceVersion: written.metadata?.resourceVersion };
  }

  const queue = new OwnerQueue<V1Deployment>({
    kind: deploymentKind,
    owners: deployments,
    selectorOf: ({ spec }) => selectorFromLabelSelector(spec?.selector),
    loop,
  });

  return createController(context, {
    sources: [
      source(deployments, (deployment, { type }) => {
        if (type !== 'deleted') loop.add(keyOf(deployment));
      }),
      source(replicaSets, (set, change) => queue.add(set, change)),
      // Recreate waits for the last of the old pods.
      source(owned.pods, (pod, { type }) => {
        const isOver = type === 'deleted' || pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
        const reference = isOver ? controllerOf(pod) : undefined;
        if (!reference || !refersTo(replicaSetKind, reference)) return;
        const set = replicaSets.get(reference.name, pod.metadata?.namespace);
        const owner = set && controllerOf(set);
        const deployment = owner && deployments.get(owner.name, pod.metadata?.namespace);
        if (deployment?.spec?.strategy?.type === 'Recreate') loop.add(keyOf(deployment));
      }),
    ],
    loops: [loop],
  });
}
