import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { statefulSetColumns } from './apps-columns.ts';
import { setStatefulSetDefaults } from './apps-defaults.ts';

const rules = lateRules(async () => {
  const { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } = await import(
    './stateful-set-validation.ts'
  );
  const { statefulSetWarnings } = await import('./stateful-set-warnings.ts');
  return {
    validate: validateStatefulSet,
    validateUpdate: validateStatefulSetUpdate,
    warnings: statefulSetWarnings,
    parts: { status: validateStatefulSetStatus },
  };
});

export const statefulSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: rules.part('status') })],
  nameRule: 'dns-label',
  actions: [scaleAction],
  columns: statefulSetColumns,
  prepareForCreate: (object) => {
    resetStatus('V1StatefulSet')(object);
    dropUnservedOfTemplate(object);
  },
  prepareForUpdate: dropUnservedOfTemplate,
  setDefaults: setStatefulSetDefaults,
  ...rules.whole,
});
