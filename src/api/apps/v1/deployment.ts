import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { mergeStatusKeeping, statusPart } from '../../machinery/status-part.ts';
import { deploymentColumns } from './apps-columns.ts';
import { setDeploymentDefaults } from './apps-defaults.ts';
import { validateWorkload, validateWorkloadUpdate } from './workload-validation.ts';

export const deploymentKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  namespaced: true,
  shortNames: ['deploy'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ merge: mergeStatusKeeping('labels') })],
  actions: [scaleAction],
  columns: deploymentColumns,
  prepareForCreate: resetStatus('V1Deployment'),
  setDefaults: setDeploymentDefaults,
  validate: validateWorkload,
  validateUpdate: validateWorkloadUpdate,
});
