import type { V1Namespace } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { PartSubresource } from '../../machinery/kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import {
  prepareNamespace,
  setNamespaceDefaults,
  validateFinalize,
  validateNamespace,
  validateNamespaceStatus,
} from './namespace-rules.ts';

/** The controller that empties a namespace takes its finalizer from the spec here; nothing else can be changed this way. */
const finalizePart: PartSubresource = {
  name: 'finalize',
  verbs: ['update'],
  merge: (existing, requested) => ({ ...existing, metadata: requested.metadata, spec: requested['spec'] }),
  validate: validateFinalize,
};

export const namespaceKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  namespaced: false,
  shortNames: ['ns'],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  nameRule: 'dns-label',
  parts: [finalizePart, statusPart({ validate: validateNamespaceStatus })],
  columns: [
    nameColumn,
    textColumn<V1Namespace>('Status', 'Whether it is in use or on its way out.', ({ status }) => status?.phase ?? ''),
    ageColumn,
  ],
  selectableFields: { 'status.phase': (object) => (object as V1Namespace).status?.phase ?? '' },
  setDefaults: setNamespaceDefaults,
  prepareForCreate: prepareNamespace,
  prepareForUpdate: (updated, existing) => {
    updated['spec'] = existing['spec'];
  },
  validate: validateNamespace,
});
