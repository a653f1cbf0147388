/** What is outlived in volumes and claims (pkg/api/persistentvolume, persistentvolumeclaim: GetWarnings…). */
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { fractionWarnings } from './fraction-warnings.ts';

const OUTLIVED: readonly (readonly [annotation: string, since: string, field: string])[] = [
  ['volume.beta.kubernetes.io/storage-class', 'v1.8', 'storageClassName'],
  ['volume.beta.kubernetes.io/mount-options', 'v1.31', 'mountOptions'],
];

const outlived = ({ metadata }: DynamicObject, annotations: typeof OUTLIVED) =>
  annotations
    .filter(([annotation]) => Object.hasOwn(metadata.annotations ?? {}, annotation))
    .map(([name, since, field]) => `metadata.annotations[${name}]: deprecated since ${since}; use "${field}" attribute instead`);

export const persistentVolumeClaimWarnings = (object: DynamicObject): string[] => [
  ...outlived(object, OUTLIVED.slice(0, 1)),
  ...claimSpecWarnings((object as V1PersistentVolumeClaim).spec, 'spec'),
];

/** Also of the claims that are made for pods. `path`: the spec's. */
export function claimSpecWarnings(spec: V1PersistentVolumeClaimSpec | undefined, path: string): string[] {
  const { requests, limits } = spec?.resources ?? {};
  return [
    ...fractionWarnings(requests, `${path}.resources.requests`, ['storage']),
    ...fractionWarnings(limits, `${path}.resources.limits`, ['storage']),
  ];
}

export function persistentVolumeWarnings(object: DynamicObject): string[] {
  const warnings = outlived(object, OUTLIVED);
  if ((object as V1PersistentVolume).spec?.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  return warnings;
}
