import { workloadWarnings } from '../../core/v1/workload-warnings.ts';
import type { V1StatefulSet } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { statefulSetColumns } from './apps-columns.ts';
import { setStatefulSetDefaults } from './apps-defaults.ts';
import { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from './stateful-set-validation.ts';

const templateWarnings = workloadWarnings();

const statefulSetWarnings: KindDefinition['warnings'] = (object, existing) => {
  const limit = (object as V1StatefulSet).spec?.revisionHistoryLimit ?? 0;
  const warnings = templateWarnings(object, existing);
  if (limit < 0 && (!existing || existing.metadata.generation !== object.metadata.generation))
    warnings.push('spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended');
  return warnings;
};

export const statefulSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  resource: 'statefulsets',
  namespaced: true,
  shortNames: ['sts'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: validateStatefulSetStatus })],
  nameRule: 'dns-label',
  actions: [scaleAction],
  columns: statefulSetColumns,
  prepareForCreate: resetStatus('V1StatefulSet'),
  setDefaults: setStatefulSetDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  warnings: statefulSetWarnings,
});
