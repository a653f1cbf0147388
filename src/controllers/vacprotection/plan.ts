import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';

/** The classes that a claim's volume has, is to have, or is being changed to. */
export function classesOfClaim({ spec, status }: V1PersistentVolumeClaim): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.flatMap((name) => name || []))];
}

export function classesOfVolume({ spec }: V1PersistentVolume): string[] {
  return spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
}
