/** Pods that use more of the node's disk than they may, each for itself, whatever is left on it. Pure. */

import { podLimits } from '../../api/core/v1/pod-resource-usage.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { canonicalQuantity, formatQuantity } from '../../api/machinery/quantity.ts';
import { byteAmount } from '../cgroups/amounts.ts';
import type { PodSnapshot } from '../stats/node-snapshot.ts';
import { ephemeralStorageOf } from '../stats/summary.ts';
import { containerStorageMessage, emptyDirMessage, podStorageMessage } from './eviction-messages.ts';

export interface StorageExcess {
  /** As `kubelet_evictions` names it. */
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

/** Whether a pod can use too much at all. */
export function hasStorageLimit(pod: V1Pod): boolean {
  return (
    podLimits(pod).has('ephemeral-storage') || (pod.spec?.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined)
  );
}

/** @param dedicatedImageFs layers lie elsewhere: only logs count for a container */
export function storageExcess(pod: V1Pod, snapshot: PodSnapshot, dedicatedImageFs: boolean): StorageExcess | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = emptyDir?.sizeLimit;
    const used = snapshot.volumes.find((volume) => volume.name === name)?.space.usedBytes;
    if (limit !== undefined && used !== undefined && byteAmount(limit) > 0 && used > byteAmount(limit))
      return { signal: 'emptydirfs.limit', message: emptyDirMessage(name, canonicalQuantity(limit)) };
  }
  const podLimit = podLimits(pod).get('ephemeral-storage');
  if (podLimit && ephemeralStorageOf(snapshot).usedBytes > byteAmount(podLimit))
    return { signal: 'ephemeralpodfs.limit', message: podStorageMessage(formatQuantity(podLimit)) };
  for (const container of snapshot.containers) {
    const limit = pod.spec?.containers.find(({ name }) => name === container.name)?.resources?.limits?.['ephemeral-storage'];
    const used = (container.logs?.usedBytes ?? 0) + (dedicatedImageFs ? 0 : (container.writableLayer?.usedBytes ?? 0));
    if (limit !== undefined && byteAmount(limit) > 0 && used > byteAmount(limit))
      return { signal: 'ephemeralcontainerfs.limit', message: containerStorageMessage(container.name, canonicalQuantity(limit)) };
  }
  return undefined;
}
