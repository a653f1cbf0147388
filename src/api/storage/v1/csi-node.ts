import type { V1CSINode } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { validateCsiNode, validateCsiNodeUpdate } from './csi-validation.ts';

export const csiNodeKind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  resource: 'csinodes',
  namespaced: false,
  columns: [
    nameColumn,
    numberColumn<V1CSINode>('Drivers', 'How many drivers run on the node.', ({ spec }) => spec?.drivers?.length ?? 0),
    ageColumn,
  ],
  validate: validateCsiNode,
  validateUpdate: validateCsiNodeUpdate,
});
