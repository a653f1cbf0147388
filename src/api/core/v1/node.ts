import type { V1Node } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { nodeColumns } from './node-columns.ts';
import { setNodeDefaults, syncPodCidr, validateNode, validateNodeStatus, validateNodeUpdate } from './node-rules.ts';

export const nodeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  namespaced: false,
  shortNames: ['no'],
  storagePath: 'minions',
  parts: [statusPart({ validate: (updated) => validateNodeStatus(updated as V1Node) })],
  actions: [{ name: 'proxy', kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  columns: nodeColumns,
  selectableFields: { 'spec.unschedulable': (object) => String((object as V1Node).spec?.unschedulable ?? false) },
  setDefaults: (object) => {
    setNodeDefaults(object);
    syncPodCidr(object);
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
});
