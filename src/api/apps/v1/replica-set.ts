import { dropUnservedOfTemplate } from '../../core/v1/unserved-pod-fields.ts';
import type { V1ReplicaSet } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { replicaSetColumns } from './apps-columns.ts';
import { setReplicaSetDefaults } from './apps-defaults.ts';

const rules = lateRules(async () => {
  const { validateReplicaSet, validateReplicaSetStatus } = await import('./deployment-validation.ts');
  const { validateSelectorUpdate } = await import('./workload-validation.ts');
  const { workloadWarnings } = await import('../../core/v1/workload-warnings.ts');
  return {
    validate: validateReplicaSet,
    validateUpdate: validateSelectorUpdate,
    warnings: workloadWarnings({ namesPods: true }),
    parts: { status: validateReplicaSetStatus },
  };
});

export const replicaSetKind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  resource: 'replicasets',
  namespaced: true,
  shortNames: ['rs'],
  categories: ['all'],
  hasGeneration: true,
  parts: [statusPart({ validate: rules.part('status') })],
  actions: [scaleAction],
  columns: replicaSetColumns,
  selectableFields: { 'status.replicas': (object) => String((object as V1ReplicaSet).status?.replicas ?? 0) },
  prepareForCreate: (object) => {
    resetStatus('V1ReplicaSet')(object);
    dropUnservedOfTemplate(object);
  },
  prepareForUpdate: dropUnservedOfTemplate,
  setDefaults: setReplicaSetDefaults,
  ...rules.whole,
});
