import type { V1CSIStorageCapacity, V1Node, V1PersistentVolumeClaim, V1StorageClass } from '../../api/gen/types.ts';
import { type LabelSelectorObject, selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { compareQuantities, parseQuantity } from '../../api/machinery/quantity.ts';
import type { ClusterObjects } from '../framework/cluster-objects.ts';

/**
 * Whether a volume of the claim's size can be made where the node reaches it, as the driver tells it by CSIStorageCapacity objects; always
 * for drivers that do not tell (`storageCapacity` of the CSIDriver).
 */
export function hasRoomFor(
  { spec }: V1PersistentVolumeClaim,
  storageClass: V1StorageClass,
  node: V1Node,
  objects: Pick<ClusterObjects, 'csiDriver' | 'storageCapacities'>,
): boolean {
  const size = spec?.resources?.requests?.['storage'];
  if (size === undefined || !objects.csiDriver(storageClass.provisioner)?.spec.storageCapacity) return true;
  return objects
    .storageCapacities()
    .some(
      (capacity) =>
        capacity.storageClassName === storageClass.metadata?.name && isEnough(capacity, size) && isReachedFrom(node, capacity),
    );
}

/** What one volume may have at most goes before what all may have together. */
function isEnough({ capacity, maximumVolumeSize }: V1CSIStorageCapacity, size: string): boolean {
  const limit = maximumVolumeSize ?? capacity;
  return limit !== undefined && compareQuantities(parseQuantity(limit), parseQuantity(size)) >= 0;
}

/** Without a topology it is reached from nowhere. */
function isReachedFrom({ metadata }: V1Node, { nodeTopology }: V1CSIStorageCapacity): boolean {
  return (
    nodeTopology !== undefined && selectorFromLabelSelector(nodeTopology as LabelSelectorObject).matches(metadata?.labels ?? {})
  );
}
