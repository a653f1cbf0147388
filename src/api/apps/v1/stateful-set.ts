import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import type { V1StatefulSet } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { statefulSetColumns } from './apps-columns.ts';
import { setStatefulSetDefaults } from './apps-defaults.ts';

const rules = lateRules(async () => {
  const { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } = await import(
    './stateful-set-validation.ts'
  );
  const { workloadWarnings } = await import('../../core/v1/workload-warnings.ts');
  const templateWarnings = workloadWarnings();
  return {
    validate: validateStatefulSet,
    validateUpdate: validateStatefulSetUpdate,
    warnings: (object, existing) => [...templateWarnings(object, existing), ...historyWarnings(object, existing)],
    parts: { status: validateStatefulSetStatus },
  };
});

function historyWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  const { revisionHistoryLimit = 0 } = (object as V1StatefulSet).spec ?? {};
  const changed = !existing || existing.metadata.generation !== object.metadata.generation;
  return changed && revisionHistoryLimit < 0
    ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended']
    : [];
}

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
