import { replicaSetKind } from '../api/apps/v1/replica-set.ts';
import { statefulSetKind } from '../api/apps/v1/stateful-set.ts';
import { namespaceKind } from '../api/core/v1/namespace.ts';
import { persistentVolumeKind } from '../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../api/core/v1/persistent-volume-claim.ts';
import { replicationControllerKind } from '../api/core/v1/replication-controller.ts';
import { serviceKind } from '../api/core/v1/service.ts';
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
  V1ReplicaSet,
  V1ReplicationController,
  V1ResourceSlice,
  V1Service,
  V1StatefulSet,
  V1StorageClass,
  V1VolumeAttachment,
} from '../api/gen/types.ts';
import type { ResourceKind } from '../api/machinery/kind.ts';
import {
  type LabelSelectorObject,
  type Selector,
  selectorFromLabelSelector,
  selectorFromLabels,
} from '../api/machinery/label-selector.ts';
import type { KubeObject } from '../api/machinery/object.ts';
import { podDisruptionBudgetKind } from '../api/policy/v1/pod-disruption-budget.ts';
import { deviceClassKind } from '../api/resource/v1/device-class.ts';
import { classOfResource } from '../api/resource/v1/extended-resources.ts';
import { resourceClaimKind } from '../api/resource/v1/resource-claim.ts';
import { resourceSliceKind } from '../api/resource/v1/resource-slice.ts';
import { csiDriverKind } from '../api/storage/v1/csi-driver.ts';
import { csiNodeKind } from '../api/storage/v1/csi-node.ts';
import { csiStorageCapacityKind } from '../api/storage/v1/csi-storage-capacity.ts';
import { storageClassKind } from '../api/storage/v1/storage-class.ts';
import { volumeAttachmentKind } from '../api/storage/v1/volume-attachment.ts';
import type { Client } from '../client/client.ts';
import { type Change, createInformer, type Informer } from '../client/informer.ts';
import type { Clock } from '../std/clock.ts';
import { isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import type { ClusterObjects, RareKind } from './framework/cluster-objects.ts';
import type { PodInfo } from './pod-info.ts';

const KINDS: Readonly<Record<RareKind, ResourceKind>> = {
  Namespace: namespaceKind,
  PersistentVolumeClaim: persistentVolumeClaimKind,
  PersistentVolume: persistentVolumeKind,
  StorageClass: storageClassKind,
  CSINode: csiNodeKind,
  CSIDriver: csiDriverKind,
  CSIStorageCapacity: csiStorageCapacityKind,
  VolumeAttachment: volumeAttachmentKind,
  PodDisruptionBudget: podDisruptionBudgetKind,
  Service: serviceKind,
  ReplicationController: replicationControllerKind,
  ReplicaSet: replicaSetKind,
  StatefulSet: statefulSetKind,
  ResourceClaim: resourceClaimKind,
  DeviceClass: deviceClassKind,
  ResourceSlice: resourceSliceKind,
};

export interface LazyObjectsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of changes after a kind's first list. */
  readonly onChange: (kind: RareKind, change: Change<KubeObject>) => void;
}

interface Reader {
  readonly informer: Informer<KubeObject>;
  /** Resolves when the first list is in. */
  readonly synced: Promise<void>;
}

/** Objects besides pods and nodes: a kind is watched from when the first pod needs it. */
export class LazyObjects implements ClusterObjects {
  readonly #options: LazyObjectsOptions;
  readonly #readers = new Map<RareKind, Reader>();
  readonly #listeners = new Set<() => void>();

  constructor(options: LazyObjectsOptions) {
    this.#options = options;
  }

  has(kinds: readonly RareKind[]): boolean {
    return kinds.every((kind) => this.#readers.get(kind)?.informer.hasSynced);
  }

  /** Begins to watch what is not watched yet. Resolves when all is there; rejects when `signal`, with which watching ends, is aborted. */
  async need(kinds: readonly RareKind[], signal: AbortSignal): Promise<void> {
    await Promise.all(kinds.map((kind) => this.#reader(kind, signal).synced));
  }

  /** Resolves when every watch has ended. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#readers.values()].map(({ informer }) => informer.done));
  }

  /** Calls `listener` after each change of any kind. Returns the way to end it. */
  onAnyChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  namespace(name: string): V1Namespace | undefined {
    return this.#get('Namespace', name);
  }
  claim(key: string): V1PersistentVolumeClaim | undefined {
    const [namespace, name] = key.split('/') as [string, string];
    return this.#get('PersistentVolumeClaim', name, namespace);
  }
  volume(name: string): V1PersistentVolume | undefined {
    return this.#get('PersistentVolume', name);
  }
  volumes(): readonly V1PersistentVolume[] {
    return this.#list('PersistentVolume');
  }
  storageClass(name: string): V1StorageClass | undefined {
    return this.#get('StorageClass', name);
  }
  csiNode(name: string): V1CSINode | undefined {
    return this.#get('CSINode', name);
  }
  csiDriver(name: string): V1CSIDriver | undefined {
    return this.#get('CSIDriver', name);
  }
  storageCapacities(): readonly V1CSIStorageCapacity[] {
    return this.#list('CSIStorageCapacity');
  }
  volumeAttachments(): readonly V1VolumeAttachment[] {
    return this.#list('VolumeAttachment');
  }
  deviceClaim(key: string): ResourceV1ResourceClaim | undefined {
    const [namespace, name = ''] = key.split('/');
    return this.#get('ResourceClaim', name, namespace);
  }
  deviceClaims(): readonly ResourceV1ResourceClaim[] {
    return this.#list('ResourceClaim');
  }
  deviceClass(name: string): V1DeviceClass | undefined {
    return this.#get('DeviceClass', name);
  }
  classOfResource(name: string): V1DeviceClass | undefined {
    return classOfResource(name, this.#list('DeviceClass'));
  }
  resourceSlices(): readonly V1ResourceSlice[] {
    return this.#list('ResourceSlice');
  }
  services(namespace: string): readonly V1Service[] {
    return this.#list('Service', namespace);
  }
  budgets(namespace: string): readonly V1PodDisruptionBudget[] {
    return this.#list('PodDisruptionBudget', namespace);
  }

  ownerSelector({ pod, namespace }: PodInfo): Selector | undefined {
    const kind = ownerKindOf(pod);
    const owner = pod.metadata?.ownerReferences?.find(({ controller }) => controller);
    if (!kind || !owner) return undefined;
    if (kind === 'ReplicationController') {
      const labels = this.#get<V1ReplicationController>(kind, owner.name, namespace)?.spec?.selector;
      return labels && selectorFromLabels(labels);
    }
    const selector = this.#get<V1ReplicaSet | V1StatefulSet>(kind, owner.name, namespace)?.spec?.selector;
    return selector && selectorFromLabelSelector(selector as LabelSelectorObject);
  }

  #get<T extends KubeObject>(kind: RareKind, name: string, namespace?: string): T | undefined {
    return this.#readers.get(kind)?.informer.get(name, namespace) as T | undefined;
  }

  #list<T extends KubeObject>(kind: RareKind, namespace?: string): readonly T[] {
    return (this.#readers.get(kind)?.informer.list(namespace) ?? []) as readonly T[];
  }

  #reader(kind: RareKind, signal: AbortSignal): Reader {
    const known = this.#readers.get(kind);
    if (known) return known;
    const { client, clock, logger, onChange } = this.#options;
    const informer = createInformer<KubeObject>({ client, kind: KINDS[kind], clock, logger });
    const synced = informer.start(signal);
    synced.catch((error: unknown) => {
      if (!isAbort(error, signal)) logger.error('Failed to read objects', { kind, err: error });
    });
    informer.onChange((change) => {
      if (!informer.hasSynced) return;
      onChange(kind, change);
      for (const listener of this.#listeners) listener();
    });
    const reader = { informer, synced };
    this.#readers.set(kind, reader);
    return reader;
  }
}

const OWNERS: Readonly<Record<string, RareKind>> = {
  'v1 ReplicationController': 'ReplicationController',
  'apps/v1 ReplicaSet': 'ReplicaSet',
  'apps/v1 StatefulSet': 'StatefulSet',
};

/** The kind of the controller that owns a pod, if it is one with a selector. */
export function ownerKindOf({ metadata }: PodInfo['pod']): RareKind | undefined {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
  return owner && OWNERS[`${owner.apiVersion} ${owner.kind}`];
}
