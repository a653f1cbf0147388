import type { V1Node } from '../../api/gen/types.ts';
import type { PodInfo } from '../pod-info.ts';

/** Something that happened in the cluster and may let a pod be scheduled that could not be. */
export type ClusterEvent =
  | { readonly resource: 'Node'; readonly action: 'add' | 'update'; readonly node: V1Node; readonly previous?: V1Node }
  | { readonly resource: 'NodeGone'; readonly node: V1Node }
  /** Of pods that have a node. */
  | { readonly resource: 'Pod'; readonly action: 'add' | 'update' | 'delete'; readonly pod: PodInfo; readonly previous?: PodInfo }
  | {
      readonly resource:
        | 'Namespace'
        | 'StorageClass'
        | 'CSINode'
        | 'CSIDriver'
        | 'CSIStorageCapacity'
        | 'VolumeAttachment'
        | 'PersistentVolume'
        | 'DeviceClass'
        | 'ResourceSlice';
      readonly action: 'add' | 'update' | 'delete';
    }
  | {
      readonly resource: 'PersistentVolumeClaim';
      readonly action: 'add' | 'update' | 'delete';
      /** `namespace/name` */
      readonly key: string;
    }
  | {
      readonly resource: 'ResourceClaim';
      readonly action: 'add' | 'update' | 'delete';
      /** `namespace/name` */
      readonly key: string;
    };
