import type {
  V1AzureDiskVolumeSource,
  V1ISCSIPersistentVolumeSource,
  V1ISCSIVolumeSource,
  V1RBDPersistentVolumeSource,
  V1RBDVolumeSource,
  V1ScaleIOPersistentVolumeSource,
  V1ScaleIOVolumeSource,
} from '../../gen/types.ts';

/** The sources that have defaults, of a pod's volume or of a PersistentVolume. */
interface RemoteSources {
  readonly iscsi?: V1ISCSIVolumeSource | V1ISCSIPersistentVolumeSource;
  readonly rbd?: V1RBDVolumeSource | V1RBDPersistentVolumeSource;
  readonly azureDisk?: V1AzureDiskVolumeSource;
  readonly scaleIO?: V1ScaleIOVolumeSource | V1ScaleIOPersistentVolumeSource;
}

/** Defaults of storage that lies elsewhere (pkg/apis/core/v1/defaults.go), in place. */
export function setRemoteVolumeDefaults({ iscsi, rbd, azureDisk, scaleIO }: RemoteSources): void {
  if (iscsi) iscsi.iscsiInterface ||= 'default';
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}
