import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { BIND_COMPLETED, hasAnnotation } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import { storageClassKind } from '../../api/storage/v1/storage-class.ts';
import { Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { podsByClaim } from '../workloads/pod-claims.ts';
import { ClaimWork } from './claims.ts';
import { HostPathProvisioner } from './host-path-provisioner.ts';
import { VolumeWork } from './volumes.ts';

export interface PersistentVolumeOptions {
  /** Where volumes of the host-path provisioner lie; without it there is none. */
  readonly hostPathDirectory?: string;
  /** Whether volumes are made for claims that name a class. Default true. */
  readonly dynamicProvisioning?: boolean;
}

/** Binds claims to volumes, and gives volumes back when their claims are gone (upstream's pkg/controller/volume/persistentvolume). */
export function createPersistentVolumeController(context: ControllerContext, options: PersistentVolumeOptions = {}): Component {
  const { informers, clock, logger, metrics } = context;
  const claims = informers.of<V1PersistentVolumeClaim>(persistentVolumeClaimKind);
  const volumes = informers.of<V1PersistentVolume>(persistentVolumeKind);
  const classes = informers.of<V1StorageClass>(storageClassKind);
  const provisioner = options.hostPathDirectory ? new HostPathProvisioner(options.hostPathDirectory) : undefined;
  const { pods, withClaim } = podsByClaim(informers);
  const { dynamicProvisioning: mayProvision = true } = options;
  const podsWith = (claim: V1PersistentVolumeClaim) => withClaim(keyOf(claim));
  const claimWork = new ClaimWork({ context, volumes, classes, provisioner, mayProvision, podsWith });
  const volumeWork = new VolumeWork({ context, claims, provisioner });
  // One at a time: two claims must not choose the same volume.
  const claimLoop = new Reconciler({
    name: `${context.name}-claims`,
    workers: 1,
    clock,
    logger,
    metrics,
    reconcile: async (key, signal) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(name, namespace);
      if (claim) return claimWork.sync(claim, signal);
    },
  });
  const volumeLoop = new Reconciler({
    name: `${context.name}-volumes`,
    workers: 1,
    clock,
    logger,
    metrics,
    reconcile: async (name, signal) => {
      const volume = volumes.get(name);
      if (volume) return volumeWork.sync(volume, signal);
    },
  });
  const waiting = () => claims.list().filter((claim) => !hasAnnotation(claim, BIND_COMPLETED));
  return createController(context, {
    sources: [
      source(claims, (claim, { type }) => {
        if (type !== 'deleted') claimLoop.add(keyOf(claim));
        if (claim.spec?.volumeName) volumeLoop.add(claim.spec.volumeName);
      }),
      source(volumes, (volume, { type }) => {
        if (type !== 'deleted') volumeLoop.add(keyOf(volume));
        const { namespace, name } = volume.spec?.claimRef ?? {};
        if (name) claimLoop.add(`${namespace}/${name}`);
        else if (type !== 'deleted') for (const claim of waiting()) claimLoop.add(keyOf(claim));
      }),
      source(pods, () => undefined),
      source(classes, (_class, { type }) => {
        if (type !== 'deleted') for (const claim of waiting()) claimLoop.add(keyOf(claim));
      }),
    ],
    loops: [claimLoop, volumeLoop],
  });
}
