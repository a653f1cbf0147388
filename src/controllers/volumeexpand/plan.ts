import { hasAnnotation, isFor, PROVISIONED_BY } from '../../api/core/v1/volume-binding.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import { compareQuantities, parseQuantity } from '../../api/machinery/quantity.ts';
import { HOST_PATH_PROVISIONERS } from '../persistentvolume/host-path-provisioner.ts';

const PRE_RESIZE_CAPACITY = 'volume.alpha.kubernetes.io/pre-resize-capacity';

const isLess = (a: string, b: string): boolean => compareQuantities(parseQuantity(a), parseQuantity(b)) < 0;

/** Whether a bound claim wants more than it is said to have. */
export function wantsMore({ spec, status }: V1PersistentVolumeClaim): boolean {
  const has = status?.capacity?.['storage'];
  return status?.phase === 'Bound' && has !== undefined && isLess(has, spec?.resources?.requests?.['storage'] ?? '0');
}

/** `grow`: a directory of ours, which has no size of its own; `external`: whoever resizes this kind of volume does it; undefined: nothing to do. */
export function planExpansion(
  claim: V1PersistentVolumeClaim,
  volume: V1PersistentVolume | undefined,
): 'grow' | 'external' | undefined {
  if (!volume || !isFor(volume, claim) || !wantsMore(claim)) return undefined;
  const by = volume.metadata?.annotations?.[PROVISIONED_BY] ?? '';
  if (volume.spec?.hostPath && HOST_PATH_PROVISIONERS.has(by)) return 'grow';
  const requested = claim.spec?.resources?.requests?.['storage'] ?? '0';
  const isSmaller = isLess(volume.spec?.capacity?.['storage'] ?? '0', requested);
  // The volume has grown already; its file system is the node's work.
  return isSmaller || hasAnnotation(volume, PRE_RESIZE_CAPACITY) ? 'external' : undefined;
}

/** What the volume and the claim say when the volume has grown. */
export function grown(claim: V1PersistentVolumeClaim): { readonly capacity: Record<string, string>; readonly status: object } {
  const capacity = { ...claim.status?.capacity, storage: claim.spec?.resources?.requests?.['storage'] ?? '0' };
  const conditions = claim.status?.conditions?.filter(({ type }) => type !== 'Resizing' && type !== 'FileSystemResizePending');
  return { capacity, status: { capacity, conditions: conditions?.length ? conditions : null } };
}
