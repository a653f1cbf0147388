import type { V1Volume } from '../../api/gen/types.ts';
import type { Plugin } from '../framework/plugin.ts';
import type { PodInfo } from '../pod-info.ts';

const ONE_POD = {
  reasons: ['node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'],
  unresolvable: false,
};
const DISK_TAKEN = { reasons: ['node(s) had no available disk'], unresolvable: false };

/** A ReadWriteOncePod claim has one pod; a disk that is written is attached once to a node. */
export const volumeRestrictions: Plugin = {
  name: 'VolumeRestrictions',
  planFilter({ pod, state, objects }) {
    const isTaken = pod.claims.some(
      (key) => objects.claim(key)?.spec?.accessModes?.includes('ReadWriteOncePod') && state.usersOfClaim(key) > 0,
    );
    const disks = disksOf(pod);
    if (isTaken) return { filter: () => ONE_POD };
    if (disks.length === 0) return undefined;
    return {
      filter({ pods }) {
        for (const other of pods.values())
          for (const used of disksOf(other)) if (disks.some((disk) => conflict(disk, used))) return DISK_TAKEN;
        return undefined;
      },
    };
  },
  mayHelp(event, pod) {
    if (event.resource === 'PersistentVolumeClaim') return pod.claims.includes(event.key);
    if (event.resource !== 'Pod' || event.action !== 'delete') return false;
    return event.pod.claims.some((claim) => pod.claims.includes(claim)) || disksOf(event.pod).length > 0;
  },
};

interface Disk {
  readonly id: string;
  readonly readOnly: boolean;
  /** Whether it may be attached twice when nobody writes to it. */
  readonly canShare: boolean;
}

const conflict = (a: Disk, b: Disk) => a.id === b.id && !(a.canShare && a.readOnly && b.readOnly);

function disksOf({ pod }: PodInfo): Disk[] {
  return (pod.spec?.volumes ?? []).flatMap(diskOf);
}

function diskOf({ gcePersistentDisk, awsElasticBlockStore, iscsi, rbd }: V1Volume): Disk[] {
  if (gcePersistentDisk)
    return [{ id: `gce ${gcePersistentDisk.pdName}`, readOnly: gcePersistentDisk.readOnly ?? false, canShare: true }];
  if (awsElasticBlockStore) return [{ id: `aws ${awsElasticBlockStore.volumeID}`, readOnly: false, canShare: false }];
  if (iscsi) return [{ id: `iscsi ${iscsi.iqn}`, readOnly: iscsi.readOnly ?? false, canShare: true }];
  if (!rbd) return [];
  const readOnly = rbd.readOnly ?? false;
  return rbd.monitors.map((monitor) => ({ id: `rbd ${monitor} ${rbd.pool ?? 'rbd'} ${rbd.image}`, readOnly, canShare: true }));
}
