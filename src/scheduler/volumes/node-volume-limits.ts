import { classOf } from '../../api/core/v1/volume-binding.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const REFUSAL = { reasons: ['node(s) exceed max volume count'], unresolvable: false };

/** A node attaches as many volumes of a CSI driver as its CSINode says; those that are on their way off count, too. */
export const nodeVolumeLimits: Plugin = {
  name: 'NodeVolumeLimits',
  planFilter({ pod, objects }) {
    const wanted = volumesOf(pod, objects);
    if (wanted.size === 0) return undefined;
    const attachments = attachedByNode(objects);
    return {
      filter({ name, pods }) {
        const limits = new Map(
          (objects.csiNode(name)?.spec?.drivers ?? []).flatMap(({ name: driver, allocatable }) =>
            allocatable?.count === undefined ? [] : [[driver, allocatable.count] as const],
          ),
        );
        if (limits.size === 0) return undefined;
        const attached = new Map(attachments.get(name));
        for (const other of pods.values()) for (const [id, driver] of volumesOf(other, objects)) attached.set(id, driver);
        // A volume that is attached already takes no more room, even where there are more than there may be.
        const added = new Map([...wanted].filter(([id]) => !attached.has(id)));
        const countOf = (volumes: ReadonlyMap<string, string>, driver: string) =>
          [...volumes.values()].filter((each) => each === driver).length;
        for (const driver of new Set(added.values())) {
          const limit = limits.get(driver);
          if (limit !== undefined && countOf(attached, driver) + countOf(added, driver) > limit) return REFUSAL;
        }
        return undefined;
      },
    };
  },
  mayHelp: (event, pod) =>
    event.resource === 'CSINode' ||
    (event.resource === 'VolumeAttachment' && event.action === 'delete') ||
    (event.resource === 'Pod' && event.action === 'delete' && event.pod.claims.length > 0) ||
    (event.resource === 'PersistentVolumeClaim' && pod.claims.includes(event.key)),
};

/** Volume → driver, of what is attached to each node, whether a pod uses it or not. */
function attachedByNode(objects: ClusterObjects): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const byNode = new Map<string, Map<string, string>>();
  for (const { spec } of objects.volumeAttachments()) {
    const csi = spec.source.persistentVolumeName ? objects.volume(spec.source.persistentVolumeName)?.spec?.csi : undefined;
    if (!csi) continue;
    const volumes = byNode.get(spec.nodeName) ?? new Map<string, string>();
    byNode.set(spec.nodeName, volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver));
  }
  return byNode;
}

/** Volume → its driver: of bound claims by the driver's handle, of others by the claim, whose class names the driver. */
function volumesOf({ claims }: PodInfo, objects: ClusterObjects): ReadonlyMap<string, string> {
  const volumes = new Map<string, string>();
  for (const key of claims) {
    const claim = objects.claim(key);
    if (!claim) continue;
    const volume = claim.spec?.volumeName ? objects.volume(claim.spec.volumeName) : undefined;
    const csi = volume?.spec?.csi;
    if (csi) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
    else if (!volume) {
      const driver = objects.storageClass(classOf(claim))?.provisioner;
      if (driver) volumes.set(`${driver}/${key}`, driver);
    }
  }
  return volumes;
}
