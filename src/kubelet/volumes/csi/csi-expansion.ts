import { persistentVolumeKind } from '../../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../../api/gen/types.ts';
import { compareQuantities, parseQuantity, quantityValue } from '../../../api/machinery/quantity.ts';
import type { PodPartContext } from '../../pods/pod-parts.ts';
import type { VolumeTask } from '../volume-kind.ts';
import type { CsiCluster } from './csi-cluster.ts';
import type { CsiDrivers } from './csi-drivers.ts';
import type { CsiVolumePaths } from './csi-paths.ts';
import type { CsiVolume } from './csi-source.ts';

export interface Expansion {
  readonly context: PodPartContext;
  readonly drivers: CsiDrivers;
  readonly cluster: Pick<CsiCluster, 'secretOf'>;
  /** As the driver was told it when the volume was staged. */
  capability(): Promise<object>;
  readonly task: VolumeTask;
  readonly volume: CsiVolume;
  readonly paths: CsiVolumePaths;
}

/** What the volume has grown to without its file system following; undefined: nothing to do. */
export function grownTo(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): string | undefined {
  const wanted = volume.spec?.capacity?.['storage'];
  const has = claim.status?.capacity?.['storage'];
  return wanted && has && compareQuantities(parseQuantity(wanted), parseQuantity(has)) > 0 ? wanted : undefined;
}

/** Lets the file system of a volume that is in use follow what its controller has made of it, and tells the claim. */
export async function expandVolume(expansion: Expansion): Promise<void> {
  const { context, drivers, cluster, task, volume, paths } = expansion;
  const { bound, pod } = task;
  if (!bound || volume.readOnly) return;
  const client = drivers.get(volume.driver);
  if (!(await client.can('expandVolume'))) return;
  const { name = '', namespace = '' } = bound.claim.metadata ?? {};
  const claims = context.client.resource<V1PersistentVolumeClaim & { metadata: object }>(persistentVolumeClaimKind, namespace);
  const volumes = context.client.resource<V1PersistentVolume & { metadata: object }>(persistentVolumeKind);
  const [claim, persistentVolume] = await Promise.all([claims.get(name), volumes.get(volume.name)]);
  const wanted = grownTo(persistentVolume, claim);
  if (!wanted) return;
  try {
    const request = {
      volume_id: volume.handle,
      volume_path: paths.target,
      staging_target_path: paths.staging,
      capacity_range: { required_bytes: Number(quantityValue(parseQuantity(wanted))) },
      volume_capability: await expansion.capability(),
      secrets: await cluster.secretOf(volume.expandSecret),
    };
    await client.call('NodeExpandVolume', request, task.signal);
  } catch (error) {
    const message = `NodeExpandVolume.NodeExpandVolume failed for volume "${volume.name}" : ${(error as Error).message}`;
    context.events?.event(pod, 'Warning', 'VolumeResizeFailed', message);
    // The volume is of use as it is; the next sync tries again.
    return;
  }
  const done = ['FileSystemResizePending', 'Resizing', 'NodeResizeError'];
  const conditions = (claim.status?.conditions ?? []).filter(({ type }) => !done.includes(type));
  await claims.patch(name, { status: { capacity: { storage: wanted }, conditions } }, { type: 'merge', subresource: 'status' });
  const message = `MountVolume.NodeExpandVolume succeeded for volume "${volume.name}"`;
  context.events?.event(pod, 'Normal', 'FileSystemResizeSuccessful', message);
}
