/** What is outlived in volumes and claims (pkg/api/persistentvolume, persistentvolumeclaim: GetWarnings…). */
import { addAll } from '../../../std/add-all.ts';
import type {
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeSpec,
} from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { fractionWarnings } from './fraction-warnings.ts';
import { nodeTermWarnings } from './node-label-warnings.ts';

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

/** In-tree volumes that are no more, in the order in which they are told. */
const OUTLIVED_VOLUMES: readonly (readonly [field: keyof V1PersistentVolumeSpec, message: string, shown?: string])[] = [
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

export function persistentVolumeWarnings(object: DynamicObject): string[] {
  const warnings = outlived(object, OUTLIVED);
  const { spec = {} } = object as V1PersistentVolume;
  if (spec.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  spec.nodeAffinity?.required?.nodeSelectorTerms.forEach((term, i) => {
    addAll(warnings, nodeTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, false));
  });
  for (const [field, message, shown = field] of OUTLIVED_VOLUMES)
    if (spec[field] !== undefined) warnings.push(`spec.${shown}: ${message}`);
  return warnings;
}
