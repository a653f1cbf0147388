import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import { compareQuantities, parseQuantity } from '../../api/machinery/quantity.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { grown, planExpansion, wantsMore } from './plan.ts';

/** Lets claims that ask for more have it: directories of ours grow at once, all others wait for whoever resizes them (upstream's pkg/controller/volume/expand). */
export function createVolumeExpandController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const volumes = informers.of<V1PersistentVolume>(persistentVolumeKind);

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const claim = claims.get(name, namespace);
    const volume = claim && volumes.get(claim.spec?.volumeName ?? '');
    const plan = claim && planExpansion(claim, volume);
    if (!claim || !volume || !plan) return;
    if (plan === 'external') {
      events.event(claim, 'Normal', 'ExternalExpanding', 'waiting for an external controller to expand this PVC');
      return;
    }
    const { capacity, status } = grown(claim);
    const has = parseQuantity(volume.spec?.capacity?.['storage'] ?? '0');
    // The volume first: a claim never says more than its volume has.
    if (compareQuantities(has, parseQuantity(capacity['storage'] ?? '0')) < 0)
      await client
        .resource(persistentVolumeKind)
        .patch(keyOf(volume), { metadata: { uid: volume.metadata?.uid }, spec: { capacity } } as never, {
          type: 'merge',
          signal,
        });
    await client
      .resource(persistentVolumeClaimKind, namespace)
      .patch(name, { metadata: { uid: claim.metadata?.uid }, status } as never, { type: 'merge', subresource: 'status', signal });
    events.event(claim, 'Normal', 'VolumeResizeSuccessful', `ExpandVolume succeeded for volume ${key}`);
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  const requested = (claim: V1PersistentVolumeClaim | undefined) => claim?.spec?.resources?.requests?.['storage'];
  return createController(context, {
    sources: [
      source(claims, (claim, { type, previous }) => {
        const mattered = requested(previous) !== requested(claim) || previous?.status?.phase !== claim.status?.phase;
        if (type !== 'deleted' && mattered && wantsMore(claim)) loop.add(keyOf(claim));
      }),
      source(volumes, () => undefined),
    ],
    loops: [loop],
  });
}
