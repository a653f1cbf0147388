/** What a volume of a CSI driver is, from its spec: pure decisions. */
import type { V1CSIDriver, V1PersistentVolumeSpec, V1Pod, V1SecretReference } from '../../../api/gen/types.ts';
import { attachmentName } from '../../../api/storage/v1/attachment-name.ts';
import type { VolumeTask } from '../volume-kind.ts';
import { inlineHandle } from './csi-paths.ts';

export interface CsiVolume {
  readonly driver: string;
  readonly handle: string;
  /** Of the PersistentVolume, or of the pod's own volume. */
  readonly name: string;
  readonly lifecycle: 'Persistent' | 'Ephemeral';
  readonly block: boolean;
  readonly readOnly: boolean;
  readonly fsType: string;
  readonly mountFlags: readonly string[];
  readonly accessModes: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly stageSecret?: V1SecretReference;
  readonly publishSecret?: V1SecretReference;
  readonly expandSecret?: V1SecretReference;
  /** The VolumeAttachment that must be attached, where the driver wants that. */
  readonly attachment: string;
}

export function csiVolumeOf({ pod, podUid, volume, bound }: VolumeTask, nodeName: string): CsiVolume {
  if (bound)
    return persistentVolume(bound.persistentVolume.metadata?.name ?? '', bound.persistentVolume.spec!, bound.readOnly, nodeName);
  const { driver, fsType = '', readOnly = false, volumeAttributes = {}, nodePublishSecretRef } = volume.csi!;
  return {
    driver,
    handle: inlineHandle(podUid, volume.name),
    name: volume.name,
    lifecycle: 'Ephemeral',
    block: false,
    readOnly,
    fsType,
    mountFlags: [],
    accessModes: ['ReadWriteOnce'],
    attributes: volumeAttributes,
    ...(nodePublishSecretRef && { publishSecret: { ...nodePublishSecretRef, namespace: pod.metadata?.namespace } }),
    attachment: '',
  };
}

function persistentVolume(name: string, spec: V1PersistentVolumeSpec, readOnly: boolean, nodeName: string): CsiVolume {
  const csi = spec.csi!;
  return {
    driver: csi.driver,
    handle: csi.volumeHandle,
    name,
    lifecycle: 'Persistent',
    block: spec.volumeMode === 'Block',
    readOnly: readOnly || (csi.readOnly ?? false),
    fsType: csi.fsType ?? '',
    mountFlags: spec.mountOptions ?? [],
    accessModes: spec.accessModes ?? [],
    attributes: csi.volumeAttributes ?? {},
    stageSecret: csi.nodeStageSecretRef,
    publishSecret: csi.nodePublishSecretRef,
    expandSecret: csi.nodeExpandSecretRef,
    attachment: attachmentName(csi.volumeHandle, csi.driver, nodeName),
  };
}

/** csi.v1's number for an access mode; drivers without SINGLE_NODE_MULTI_WRITER know fewer of them. */
export function accessModeNumber(accessModes: readonly string[], knowsSingleWriters: boolean): number {
  const has = (mode: string) => accessModes.includes(mode);
  if (has('ReadWriteMany')) return 5;
  if (has('ReadOnlyMany')) return 3;
  if (has('ReadWriteOncePod')) return knowsSingleWriters ? 6 : 1;
  if (has('ReadWriteOnce')) return knowsSingleWriters ? 7 : 1;
  return 0;
}

/** Whether the kubelet gives the volume to fsGroup. */
export function appliesGroup({ fsType, accessModes, readOnly, lifecycle }: CsiVolume, driver: V1CSIDriver | undefined): boolean {
  if (readOnly) return false;
  const policy = driver?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (policy === 'None') return false;
  if (policy === 'File') return true;
  if (fsType === '') return false;
  return lifecycle === 'Ephemeral' || accessModes.includes('ReadWriteOnce') || accessModes.includes('ReadWriteOncePod');
}

/** What drivers with `podInfoOnMount` are told. */
export function podInfo({ metadata, spec }: V1Pod, lifecycle: CsiVolume['lifecycle']): Record<string, string> {
  return {
    'csi.storage.k8s.io/pod.name': metadata?.name ?? '',
    'csi.storage.k8s.io/pod.namespace': metadata?.namespace ?? '',
    'csi.storage.k8s.io/pod.uid': metadata?.uid ?? '',
    'csi.storage.k8s.io/serviceAccount.name': spec?.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(lifecycle === 'Ephemeral'),
  };
}

/** A driver that keeps to one of the two lifecycles is not asked for the other. */
export function checkLifecycle({ lifecycle, driver }: CsiVolume, object: V1CSIDriver | undefined): void {
  const modes = object?.spec.volumeLifecycleModes ?? ['Persistent'];
  if (lifecycle === 'Ephemeral' && !object)
    throw new Error(
      `kubernetes.io/csi: no CSIDriver object found for ${driver}: it cannot have volumes that live as long as a pod`,
    );
  if (!modes.includes(lifecycle) && object)
    throw new Error(
      `kubernetes.io/csi: mounter.SetUpAt failed to check volume lifecycle mode: volume mode "${lifecycle}" not supported by driver ` +
        `${driver} (only supports ${JSON.stringify(modes)})`,
    );
}
