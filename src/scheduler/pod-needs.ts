import type { ClusterState } from './cluster-state.ts';
import type { ClusterObjects, RareKind } from './framework/cluster-objects.ts';
import { ownerKindOf } from './lazy-objects.ts';
import type { PodInfo } from './pod-info.ts';

const VOLUME_KINDS: readonly RareKind[] = [
  'PersistentVolumeClaim',
  'PersistentVolume',
  'StorageClass',
  'CSINode',
  'CSIDriver',
  'CSIStorageCapacity',
  'VolumeAttachment',
];

const DEVICE_KINDS: readonly RareKind[] = ['ResourceClaim', 'DeviceClass', 'ResourceSlice'];

/** The kinds of objects that must be known before a decision about a pod; mostly none. */
export function needsOf(
  info: PodInfo,
  state: ClusterState,
  objects: Pick<ClusterObjects, 'classOfResource'>,
): readonly RareKind[] {
  const { pod, claims } = info;
  const needs: RareKind[] = [];
  if (claims.length) needs.push(...VOLUME_KINDS);
  // Classes tell whether there are devices under the name of an extended resource.
  if (pod.spec?.resourceClaims?.length || info.extendedResources.some((name) => objects.classOfResource(name)))
    needs.push(...DEVICE_KINDS);
  else if (info.extendedResources.length) needs.push('DeviceClass');
  const terms = [info.requiredAffinity, info.requiredAntiAffinity, info.preferredAffinity, info.preferredAntiAffinity];
  if (state.terms.selectNamespaces || terms.some((list) => list.some(({ namespaceSelector }) => namespaceSelector)))
    needs.push('Namespace');
  // Pods without constraints are spread by what selects them.
  if (pod.metadata?.labels && !pod.spec?.topologySpreadConstraints?.length) {
    needs.push('Service');
    const owner = ownerKindOf(pod);
    if (owner) needs.push(owner);
  }
  return needs;
}
