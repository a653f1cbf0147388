import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { statefulSetColumns } from './apps-columns.ts';
import { setStatefulSetDefaults } from './apps-defaults.ts';
import { validateWorkload, validateWorkloadUpdate } from './workload-validation.ts';

export const statefulSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart()],
  nameRule: 'dns-label',
  actions: [scaleAction],
  columns: statefulSetColumns,
  prepareForCreate: resetStatus('V1StatefulSet'),
  setDefaults: setStatefulSetDefaults,
  validate: validateWorkload,
  validateUpdate: validateWorkloadUpdate,
});
