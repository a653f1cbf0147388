import { nodeSelectorWarnings } from '../../core/v1/node-label-warnings.ts';
import type { V1CSIStorageCapacity } from '../../gen/types.ts';
import { nameColumn, orElse, textColumn, UNSET } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validateCsiStorageCapacity, validateCsiStorageCapacityUpdate } from './csi-validation.ts';

export const csiStorageCapacityKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  resource: 'csistoragecapacities',
  namespaced: true,
  columns: [
    nameColumn,
    textColumn<V1CSIStorageCapacity>('StorageClassName', 'The storage class.', ({ storageClassName }) => storageClassName),
    textColumn<V1CSIStorageCapacity>('Capacity', 'How much is left.', ({ capacity }) => orElse(capacity, UNSET)),
  ],
  validate: validateCsiStorageCapacity,
  warnings: (object) => nodeSelectorWarnings((object as unknown as V1CSIStorageCapacity).nodeTopology, 'nodeTopology'),
  validateUpdate: validateCsiStorageCapacityUpdate,
});
