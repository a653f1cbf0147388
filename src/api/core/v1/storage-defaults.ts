import type { V1PersistentVolumeClaim, V1PersistentVolumeClaimSpec, V1PersistentVolumeSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { setRemoteVolumeDefaults } from './remote-volume-defaults.ts';

export function setPersistentVolumeClaimSpecDefaults(spec: V1PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
  spec.resources ??= {};
}

export function setPersistentVolumeClaimDefaults(object: DynamicObject): void {
  setPersistentVolumeClaimSpecDefaults(specOf(object));
}

export function setPersistentVolumeDefaults(object: DynamicObject): void {
  const spec = specOf<V1PersistentVolumeSpec>(object);
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  if (spec.hostPath) spec.hostPath.type ??= '';
  setRemoteVolumeDefaults(spec);
}

const SNAPSHOTS = 'snapshot.storage.k8s.io';

/**
 * The older field for a claim's source takes claims and snapshots only; what is said in one of both fields is said in the other one,
 * in place (pkg/api/persistentvolumeclaim NormalizeDataSources).
 */
export function alignDataSources(object: DynamicObject): void {
  const { spec } = object as V1PersistentVolumeClaim;
  if (!spec) return;
  const { dataSource } = spec;
  const group = dataSource?.apiGroup ?? '';
  const isOld =
    (dataSource?.kind === 'PersistentVolumeClaim' && group === '') ||
    (dataSource?.kind === 'VolumeSnapshot' && group === SNAPSHOTS);
  if (!spec.dataSourceRef) {
    if (!dataSource) return;
    if (isOld) spec.dataSourceRef = { ...dataSource };
    else delete spec.dataSource;
    return;
  }
  const { namespace, ...ref } = spec.dataSourceRef;
  if (!namespace && !dataSource) spec.dataSource = ref;
}
