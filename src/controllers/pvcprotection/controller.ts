import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PersistentVolumeClaim, V1Pod } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { lacksFinalizer, protect, waitsForRelease } from '../framework/protection.ts';
import { claimsOfPod, podsByClaim } from '../workloads/pod-claims.ts';
import { mayRelease, usesClaim } from './plan.ts';

const FINALIZER = 'kubernetes.io/pvc-protection';

/** Lets claims go that are being deleted and that no pod uses. */
export function createPvcProtectionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics } = context;
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const { pods, withClaim } = podsByClaim(informers);

  const isUsed = async (claim: V1PersistentVolumeClaim, signal: AbortSignal): Promise<boolean> => {
    if (withClaim(keyOf(claim)).some((pod) => usesClaim(pod, claim))) return true;
    // Our cache may not have heard yet of a pod that the claim must not be taken from.
    const { items } = await client.resource<V1Pod>(podKind, claim.metadata?.namespace).list({ signal });
    return items.some((pod) => usesClaim(pod, claim));
  };
  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const claim = claims.get(name, namespace);
    const resource = client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, namespace);
    if (claim) await protect(claim, { resource, finalizer: FINALIZER, isUsed }, signal);
  };
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  const enqueueClaims = (pod: V1Pod) => {
    for (const name of claimsOfPod(pod)) {
      const claim = claims.get(name, pod.metadata?.namespace);
      if (claim && waitsForRelease(claim, FINALIZER)) loop.add(keyOf(claim));
    }
  };
  return createController(context, {
    sources: [
      source(claims, (claim, { type }) => {
        if (type !== 'deleted' && (lacksFinalizer(claim, FINALIZER) || waitsForRelease(claim, FINALIZER))) loop.add(keyOf(claim));
      }),
      source(pods, (pod, { type, previous }) => {
        if (mayRelease(pod, type === 'deleted')) enqueueClaims(pod);
        // One that was made anew under the same name hides that the other is gone.
        if (previous && previous.metadata?.uid !== pod.metadata?.uid) enqueueClaims(previous);
      }),
    ],
    loops: [loop],
  });
}
