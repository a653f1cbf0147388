import type { V1PersistentVolume, V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';

export function setPersistentVolumeClaimSpecDefaults(spec: V1PersistentVolumeClaimSpec): void {
  spec.volumeMode ||= 'Filesystem';
}

export function setPersistentVolumeClaimDefaults(object: DynamicObject): void {
  const { spec } = object as V1PersistentVolumeClaim;
  if (spec) setPersistentVolumeClaimSpecDefaults(spec);
}

export function setPersistentVolumeDefaults(object: DynamicObject): void {
  const { spec } = object as V1PersistentVolume;
  if (!spec) return;
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ||= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
}
