import type { V1Node } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { nodeColumns } from './node-columns.ts';
import {
  dropNewConfig,
  nodeWarnings,
  setNodeDefaults,
  syncPodCidr,
  validateNode,
  validateNodeStatus,
  validateNodeUpdate,
} from './node-rules.ts';

const { merge: mergeStatus } = statusPart();
const nodeStatus = statusPart({
  merge: (existing, requested, context) => {
    const merged = mergeStatus(existing, requested, context);
    const status = (merged as V1Node).status;
    if (status?.config && !(existing as V1Node).status?.config) {
      const { config: _, ...rest } = status;
      merged['status'] = rest;
    }
    return merged;
  },
  validate: validateNodeStatus,
});

export const nodeKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  namespaced: false,
  shortNames: ['no'],
  storagePath: 'minions',
  parts: [nodeStatus],
  actions: [{ name: 'proxy', kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  columns: nodeColumns,
  selectableFields: { 'spec.unschedulable': (object) => String((object as V1Node).spec?.unschedulable ?? false) },
  setDefaults: (object) => {
    setNodeDefaults(object);
    syncPodCidr(object);
  },
  prepareForCreate: (object) => dropNewConfig(object),
  prepareForUpdate: dropNewConfig,
  warnings: nodeWarnings,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
});
