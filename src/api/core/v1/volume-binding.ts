import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../gen/types.ts';
import { selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import { compareQuantities, parseQuantity } from '../../machinery/quantity.ts';

/** Upstream's names (k8s.io/component-helpers/storage/volume). */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
export const PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const OLD_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
export const OLD_CLASS = 'volume.beta.kubernetes.io/storage-class';

export const classOf = (object: V1PersistentVolumeClaim | V1PersistentVolume): string =>
  object.metadata?.annotations?.[OLD_CLASS] ?? object.spec?.storageClassName ?? '';

export const hasAnnotation = (object: V1PersistentVolumeClaim | V1PersistentVolume, name: string): boolean =>
  object.metadata?.annotations?.[name] !== undefined;

/** Whether a volume is for this claim: by name, and by uid where the volume says one. */
export function isFor(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec ?? {};
  if (!claimRef || claimRef.name !== claim.metadata?.name || claimRef.namespace !== claim.metadata?.namespace) return false;
  return !claimRef.uid || claimRef.uid === claim.metadata?.uid;
}

/** Why a volume that a claim names cannot be its; undefined: it can. */
export function whyUnfit(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): string | undefined {
  const { name, deletionTimestamp } = volume.metadata ?? {};
  if (deletionTimestamp) return `the volume is marked for deletion ${JSON.stringify(name)}`;
  if (isSmaller(volume, claim)) return 'requested PV is too small';
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match';
  if (attributesOf(volume) !== attributesOf(claim)) return 'volumeAttributesClassName does not match';
  if (!hasSameMode(volume, claim)) return 'incompatible volumeMode';
  if (!hasAccessModes(volume, claim)) return 'incompatible accessMode';
  return undefined;
}

/** The volume made for the claim, else the smallest free one that has all that it asks for (pkg/controller/volume/persistentvolume/index.go). */
export function findVolume(
  claim: V1PersistentVolumeClaim,
  volumes: readonly V1PersistentVolume[],
): V1PersistentVolume | undefined {
  const selector = claim.spec?.selector ? selectorFromLabelSelector(claim.spec.selector) : undefined;
  let best: V1PersistentVolume | undefined;
  for (const volume of volumes) {
    if (volume.metadata?.deletionTimestamp || !hasAccessModes(volume, claim) || !hasSameMode(volume, claim)) continue;
    if (isFor(volume, claim)) {
      if (!isSmaller(volume, claim)) return volume;
      continue;
    }
    const isFree = !volume.spec?.claimRef && (volume.status?.phase ?? 'Available') === 'Available';
    if (!isFree || classOf(volume) !== classOf(claim) || isSmaller(volume, claim)) continue;
    if (attributesOf(volume) !== attributesOf(claim)) continue;
    if (selector && !selector.matches(volume.metadata?.labels)) continue;
    if (!best || compareQuantities(capacityOf(volume), capacityOf(best)) < 0) best = volume;
  }
  return best;
}

/** Whether both are file systems, or both block devices. */
export const hasSameMode = (volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean =>
  modeOf(volume) === modeOf(claim);

const attributesOf = (object: V1PersistentVolumeClaim | V1PersistentVolume): string =>
  object.spec?.volumeAttributesClassName ?? '';
const modeOf = (object: V1PersistentVolumeClaim | V1PersistentVolume): string => object.spec?.volumeMode ?? 'Filesystem';
const capacityOf = (volume: V1PersistentVolume) => parseQuantity(volume.spec?.capacity?.['storage'] ?? '0');

function isSmaller(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  return compareQuantities(capacityOf(volume), parseQuantity(claim.spec?.resources?.requests?.['storage'] ?? '0')) < 0;
}

function hasAccessModes(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  const offered = new Set(volume.spec?.accessModes);
  return (claim.spec?.accessModes ?? []).every((mode) => offered.has(mode));
}
