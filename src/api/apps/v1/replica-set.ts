import type { V1ReplicaSet } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { replicaSetColumns } from './apps-columns.ts';
import { setReplicaSetDefaults } from './apps-defaults.ts';
import { validateWorkload, validateWorkloadUpdate } from './workload-validation.ts';

export const replicaSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  resource: 'replicasets',
  namespaced: true,
  shortNames: ['rs'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart()],
  actions: [scaleAction],
  columns: replicaSetColumns,
  selectableFields: { 'status.replicas': (object) => String((object as V1ReplicaSet).status?.replicas ?? 0) },
  prepareForCreate: resetStatus('V1ReplicaSet'),
  setDefaults: setReplicaSetDefaults,
  validate: validateWorkload,
  validateUpdate: validateWorkloadUpdate,
});
