import type {
  ResourceV1ResourceClaim,
  V1CSIDriver,
  V1CSINode,
  V1CSIStorageCapacity,
  V1DeviceClass,
  V1Namespace,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PodDisruptionBudget,
  V1ResourceSlice,
  V1Service,
  V1StorageClass,
  V1VolumeAttachment,
} from '../../api/gen/types.ts';
import type { Selector } from '../../api/machinery/label-selector.ts';
import type { PodInfo } from '../pod-info.ts';

/** Kinds that are read only once a pod needs them. */
export const RARE_KINDS = [
  'Namespace',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
  'CSINode',
  'CSIDriver',
  'CSIStorageCapacity',
  'VolumeAttachment',
  'PodDisruptionBudget',
  'Service',
  'ReplicationController',
  'ReplicaSet',
  'StatefulSet',
  'ResourceClaim',
  'DeviceClass',
  'ResourceSlice',
] as const;
export type RareKind = (typeof RARE_KINDS)[number];

/** Objects besides pods and nodes, as decisions read them. */
export interface ClusterObjects {
  namespace(name: string): V1Namespace | undefined;
  /** By `namespace/name`. */
  claim(key: string): V1PersistentVolumeClaim | undefined;
  volume(name: string): V1PersistentVolume | undefined;
  volumes(): readonly V1PersistentVolume[];
  storageClass(name: string): V1StorageClass | undefined;
  csiNode(name: string): V1CSINode | undefined;
  csiDriver(name: string): V1CSIDriver | undefined;
  /** Of all namespaces. */
  storageCapacities(): readonly V1CSIStorageCapacity[];
  volumeAttachments(): readonly V1VolumeAttachment[];
  /** Of devices, by `namespace/name`. */
  deviceClaim(key: string): ResourceV1ResourceClaim | undefined;
  deviceClaims(): readonly ResourceV1ResourceClaim[];
  deviceClass(name: string): V1DeviceClass | undefined;
  /** The class of whose devices there are under the name of a resource. */
  classOfResource(name: string): V1DeviceClass | undefined;
  resourceSlices(): readonly V1ResourceSlice[];
  services(namespace: string): readonly V1Service[];
  budgets(namespace: string): readonly V1PodDisruptionBudget[];
  /** The selector of the controller that owns a pod; undefined when there is none. */
  ownerSelector(pod: PodInfo): Selector | undefined;
}
