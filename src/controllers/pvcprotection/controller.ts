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

  const protectClaim = (claim: V1PersistentVolumeClaim, isUsed: boolean, signal: AbortSignal): Promise<void> => {
    const resource = client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind, claim.metadata?.namespace);
    return protect(claim, { resource, finalizer: FINALIZER, isUsed: () => isUsed }, signal);
  };
  /** Claims that are being deleted, by namespace. */
  const leaving = new Map<string, Set<string>>();
  const note = ({ metadata }: V1PersistentVolumeClaim) => {
    const { namespace = '', name = '' } = metadata ?? {};
    leaving.set(namespace, (leaving.get(namespace) ?? new Set()).add(name));
  };
  const enqueueLeaving = (claim: V1PersistentVolumeClaim) => {
    note(claim);
    releaseLoop.add(claim.metadata?.namespace ?? '');
  };

  /** Together: that no pod uses them is asked of the server once for all of them. */
  const release = async (namespace: string, signal: AbortSignal): Promise<void> => {
    const names = leaving.get(namespace) ?? new Set();
    leaving.delete(namespace);
    const unused = [...names].flatMap((name) => {
      const claim = claims.get(name, namespace);
      const concerned =
        claim && waitsForRelease(claim, FINALIZER) && !withClaim(keyOf(claim)).some((pod) => usesClaim(pod, claim));
      return concerned ? claim : [];
    });
    if (unused.length === 0) return;
    const left = new Set(unused);
    let failure: unknown;
    try {
      // Our cache may not have heard yet of a pod that a claim must not be taken from.
      const { items } = await client.resource<V1Pod>(podKind, namespace).list({ signal });
      const users = Map.groupBy(
        items.flatMap((pod) => claimsOfPod(pod).map((name) => ({ name, pod }))),
        ({ name }) => name,
      );
      for (const claim of unused) {
        const those = users.get(claim.metadata?.name ?? '') ?? [];
        const isUsed = those.some(({ pod }) => usesClaim(pod, claim));
        try {
          await protectClaim(claim, isUsed, signal);
          left.delete(claim);
        } catch (error) {
          // One that the server does not let go keeps none of the others.
          signal.throwIfAborted();
          failure ??= error;
        }
      }
    } finally {
      for (const claim of left) note(claim);
    }
    if (failure !== undefined) throw failure;
  };
  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const claim = claims.get(name, namespace);
    if (claim && lacksFinalizer(claim, FINALIZER)) await protectClaim(claim, true, signal);
  };
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  const releaseLoop = new Reconciler({ name: `${context.name}-leaving`, reconcile: release, clock, logger, metrics });
  const enqueueClaims = (pod: V1Pod) => {
    for (const name of claimsOfPod(pod)) {
      const claim = claims.get(name, pod.metadata?.namespace);
      if (claim && waitsForRelease(claim, FINALIZER)) enqueueLeaving(claim);
    }
  };
  return createController(context, {
    sources: [
      source(claims, (claim, { type }) => {
        if (type === 'deleted') return;
        if (lacksFinalizer(claim, FINALIZER)) loop.add(keyOf(claim));
        else if (waitsForRelease(claim, FINALIZER)) enqueueLeaving(claim);
      }),
      source(pods, (pod, { type, previous }) => {
        if (mayRelease(pod, type === 'deleted')) enqueueClaims(pod);
        // One that was made anew under the same name hides that the other is gone.
        if (previous && previous.metadata?.uid !== pod.metadata?.uid) enqueueClaims(previous);
      }),
    ],
    loops: [loop, releaseLoop],
  });
}
