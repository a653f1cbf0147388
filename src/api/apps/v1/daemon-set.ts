import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { daemonSetColumns } from './apps-columns.ts';
import { setDaemonSetDefaults } from './apps-defaults.ts';
import { countTemplateGeneration, startTemplateGeneration } from './template-generation.ts';

const rules = lateRules(async () => {
  const { validateDaemonSet, validateDaemonSetStatus } = await import('./daemon-set-validation.ts');
  const { validateSelectorUpdate } = await import('./workload-validation.ts');
  const { workloadWarnings } = await import('../../core/v1/workload-warnings.ts');
  return {
    validate: validateDaemonSet,
    validateUpdate: validateSelectorUpdate,
    warnings: workloadWarnings(),
    parts: { status: validateDaemonSetStatus },
  };
});

export const daemonSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  resource: 'daemonsets',
  namespaced: true,
  shortNames: ['ds'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: rules.part('status') })],
  columns: daemonSetColumns,
  prepareForCreate: (object) => {
    resetStatus('V1DaemonSet')(object);
    dropUnservedOfTemplate(object);
    startTemplateGeneration(object);
  },
  prepareForUpdate: (updated, existing) => {
    dropUnservedOfTemplate(updated, existing);
    countTemplateGeneration(updated, existing);
  },
  setDefaults: setDaemonSetDefaults,
  ...rules.whole,
});
