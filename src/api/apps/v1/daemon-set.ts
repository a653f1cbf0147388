import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { daemonSetColumns } from './apps-columns.ts';
import { setDaemonSetDefaults } from './apps-defaults.ts';
import { validateWorkload, validateWorkloadUpdate } from './workload-validation.ts';

export const daemonSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart()],
  columns: daemonSetColumns,
  prepareForCreate: resetStatus('V1DaemonSet'),
  setDefaults: setDaemonSetDefaults,
  validate: validateWorkload,
  validateUpdate: validateWorkloadUpdate,
});
