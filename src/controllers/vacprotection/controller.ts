import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1VolumeAttributesClass } from '../../api/gen/types.ts';
import { volumeAttributesClassKind } from '../../api/storage/v1/volume-attributes-class.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { lacksFinalizer, protect, waitsForRelease } from '../framework/protection.ts';
import { classesOfClaim, classesOfVolume } from './plan.ts';

const FINALIZER = 'kubernetes.io/vac-protection';
const BY_CLASS = 'volumeattributesclass';

/** Lets classes of volume attributes go that are being deleted and that no volume or claim names (pkg/controller/volume/vacprotection). */
export function createVacProtectionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics } = context;
  const classes = informers.of<V1VolumeAttributesClass>(volumeAttributesClassKind);
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const volumes = informers.of<V1PersistentVolume>(persistentVolumeKind);
  informers.index(claims, BY_CLASS, classesOfClaim);
  informers.index(volumes, BY_CLASS, classesOfVolume);
  const resource = client.resource<V1VolumeAttributesClass>(volumeAttributesClassKind);

  const isUsed = async ({ metadata }: V1VolumeAttributesClass, signal: AbortSignal): Promise<boolean> => {
    const name = metadata?.name ?? '';
    if (claims.byIndex(BY_CLASS, name).length || volumes.byIndex(BY_CLASS, name).length) return true;
    // Our cache may not have heard yet of who names it.
    const [liveClaims, liveVolumes] = await Promise.all([
      client.resource<V1PersistentVolumeClaim>(persistentVolumeClaimKind).list({ signal }),
      client.resource<V1PersistentVolume>(persistentVolumeKind).list({ signal }),
    ]);
    return (
      liveClaims.items.some((claim) => classesOfClaim(claim).includes(name)) ||
      liveVolumes.items.some((volume) => classesOfVolume(volume).includes(name))
    );
  };
  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const found = classes.get(name);
    if (found) await protect(found, { resource, finalizer: FINALIZER, isUsed }, signal);
  };
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  const enqueue = (names: readonly string[]) => {
    for (const name of names) {
      const found = classes.get(name);
      if (found && waitsForRelease(found, FINALIZER)) loop.add(name);
    }
  };
  return createController(context, {
    sources: [
      source(classes, (found, { type }) => {
        if (type !== 'deleted' && (lacksFinalizer(found, FINALIZER) || waitsForRelease(found, FINALIZER))) loop.add(keyOf(found));
      }),
      source(claims, (claim, { type, previous }) => {
        enqueue(previous ? classesOfClaim(previous) : []);
        if (type === 'deleted') enqueue(classesOfClaim(claim));
      }),
      source(volumes, (volume, { type, previous }) => {
        enqueue(previous ? classesOfVolume(previous) : []);
        if (type === 'deleted') enqueue(classesOfVolume(volume));
      }),
    ],
    loops: [loop],
  });
}
