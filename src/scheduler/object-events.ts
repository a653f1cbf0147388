import type { KubeObject } from '../api/machinery/object.ts';
import type { Change } from '../client/informer.ts';
import type { RareKind } from './framework/cluster-objects.ts';
import type { ClusterEvent } from './queue/cluster-event.ts';

const ACTIONS = { added: 'add', updated: 'update', deleted: 'delete' } as const;

/** What a change of one of the rare kinds is to pods that wait; undefined for kinds that let nobody in. */
export function noticeOf(kind: RareKind, { type, object }: Change<KubeObject>): ClusterEvent | undefined {
  const action = ACTIONS[type];
  switch (kind) {
    case 'PersistentVolumeClaim':
    case 'ResourceClaim':
      return { resource: kind, action, key: `${object.metadata?.namespace}/${object.metadata?.name}` };
    case 'PersistentVolume':
    case 'StorageClass':
    case 'CSINode':
    case 'CSIDriver':
    case 'CSIStorageCapacity':
    case 'VolumeAttachment':
    case 'Namespace':
    case 'DeviceClass':
    case 'ResourceSlice':
      return { resource: kind, action };
    default:
      return undefined;
  }
}
