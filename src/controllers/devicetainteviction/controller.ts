import { podKind } from '../../api/core/v1/pod.ts';
import type { ResourceV1ResourceClaim, V1Pod, V1ResourceSlice } from '../../api/gen/types.ts';
import { claimNamesOf, isReservedFor } from '../../api/resource/v1/pod-claims.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceSliceKind } from '../../api/resource/v1/resource-slice.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { disruptPod } from '../framework/delete-pod.ts';
import { allottedTo, evictionMs, poolKey, taintsOf } from './plan.ts';

const BY_POOL = 'resource-pool-index';

/** Deletes pods whose devices are tainted NoExecute in their slices, when they do not tolerate that, or no longer. */
export function createDeviceTaintEvictionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const pods = informers.of<V1Pod>(podKind);
  const claims = informers.of<ResourceV1ResourceClaim>(resourceClaimKind);
  const slices = informers.of<V1ResourceSlice>(resourceSliceKind);
  const poolOf = ({ spec }: V1ResourceSlice) => poolKey({ driver: spec.driver, pool: spec.pool.name });
  informers.index(slices, BY_POOL, (slice) => [poolOf(slice)]);
  informers.index(claims, BY_POOL, (claim) => [...new Set(allottedTo(claim).map(poolKey))]);
  /** Who waits for the end of the time for which it tolerates a taint. */
  const waiting = new Set<string>();

  const dueMs = (pod: V1Pod): number | undefined => {
    const times = claimNamesOf(pod).flatMap((name) => {
      const claim = claims.get(name, pod.metadata?.namespace);
      if (!claim || !isReservedFor(claim, pod)) return [];
      return allottedTo(claim).flatMap(
        (device) => evictionMs(taintsOf(device, slices.byIndex(BY_POOL, poolKey(device))), device.tolerations) ?? [],
      );
    });
    return times.length > 0 ? Math.min(...times) : undefined;
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    const isOver = !pod?.spec?.nodeName || pod.metadata?.deletionTimestamp || isEnded(pod);
    const atMs = isOver ? undefined : dueMs(pod);
    if (!pod || atMs === undefined) {
      if (waiting.delete(key) && pod && !isOver)
        events.event(pod, 'Normal', 'DeviceTaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return;
    }
    if (atMs > clock.now()) {
      waiting.add(key);
      return { requeueAfterMs: atMs - clock.now() };
    }
    waiting.delete(key);
    logger.info('Deleting pod because of a NoExecute taint of one of its devices', { pod: key });
    events.event(pod, 'Normal', 'DeviceTaintManagerEviction', `Marking for deletion Pod ${key}`);
    const message = 'Device Taint manager: deleting due to NoExecute taint';
    await disruptPod(client, pod, { reason: 'DeletionByDeviceTaintManager', message, nowMs: clock.now(), signal });
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: 8 });
  const enqueueUsers = (claim: ResourceV1ResourceClaim) => {
    for (const { apiGroup, resource, name } of claim.status?.reservedFor ?? [])
      if (!apiGroup && resource === 'pods') loop.add(`${claim.metadata?.namespace}/${name}`);
  };
  return createController(context, {
    sources: [
      source(slices, (slice, { previous }) => {
        const concerned = previous ? [slice, previous] : [slice];
        for (const pool of new Set(concerned.map(poolOf))) for (const claim of claims.byIndex(BY_POOL, pool)) enqueueUsers(claim);
      }),
      source(claims, (claim, { previous }) => {
        enqueueUsers(claim);
        if (previous) enqueueUsers(previous);
      }),
      source(pods, (pod, { type }) => {
        if (type === 'deleted') waiting.delete(keyOf(pod));
        else if (pod.spec?.resourceClaims?.length) loop.add(keyOf(pod));
      }),
    ],
    loops: [loop],
  });
}

function isEnded({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
