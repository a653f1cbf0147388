import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import type { V1PersistentVolume } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { lacksFinalizer, protect, waitsForRelease } from '../framework/protection.ts';

const FINALIZER = 'kubernetes.io/pv-protection';

/** Lets volumes go that are being deleted and that are bound to no claim (pkg/controller/volume/pvprotection). */
export function createPvProtectionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics } = context;
  const volumes = informers.of<V1PersistentVolume>(persistentVolumeKind);
  const resource = client.resource<V1PersistentVolume>(persistentVolumeKind);
  const isUsed = ({ status }: V1PersistentVolume) => status?.phase === 'Bound';

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const volume = volumes.get(name);
    if (volume) await protect(volume, { resource, finalizer: FINALIZER, isUsed }, signal);
  };
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics });
  return createController(context, {
    sources: [
      source(volumes, (volume, { type }) => {
        const concerned = lacksFinalizer(volume, FINALIZER) || (waitsForRelease(volume, FINALIZER) && !isUsed(volume));
        if (type !== 'deleted' && concerned) loop.add(keyOf(volume));
      }),
    ],
    loops: [loop],
  });
}
