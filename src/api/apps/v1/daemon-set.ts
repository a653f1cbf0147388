import { workloadWarnings } from '../../core/v1/workload-warnings.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { daemonSetColumns } from './apps-columns.ts';
import { setDaemonSetDefaults } from './apps-defaults.ts';
import { validateDaemonSet, validateDaemonSetStatus } from './daemon-set-validation.ts';
import { countTemplateGeneration, startTemplateGeneration } from './template-generation.ts';
import { validateSelectorUpdate } from './workload-validation.ts';

export const daemonSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: validateDaemonSetStatus })],
  columns: daemonSetColumns,
  prepareForCreate: (object) => {
    resetStatus('V1DaemonSet')(object);
    startTemplateGeneration(object);
  },
  prepareForUpdate: countTemplateGeneration,
  setDefaults: setDaemonSetDefaults,
  validate: validateDaemonSet,
  validateUpdate: validateSelectorUpdate,
  warnings: workloadWarnings(),
});
