import type { V1Node } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { nodeColumns } from './node-columns.ts';

export const nodeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  namespaced: false,
  shortNames: ['no'],
  storagePath: 'minions',
  parts: [statusPart()],
  actions: [{ name: 'proxy', kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  columns: nodeColumns,
  selectableFields: { 'spec.unschedulable': (object) => String((object as V1Node).spec?.unschedulable ?? false) },
});
