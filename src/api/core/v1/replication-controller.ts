import type { V1ReplicationController } from '../../gen/types.ts';
import { ageColumn, formatLabels, nameColumn, numberColumn, textColumn, wide } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { resetStatus } from '../../machinery/initial-status.ts';
import { lateRules } from '../../machinery/late-rules.ts';
import { scaleAction } from '../../machinery/scale-action.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { workloadColumns } from '../../machinery/template-columns.ts';
import { setReplicationControllerDefaults } from './replication-controller-defaults.ts';
import { dropUnservedOfTemplate } from './unserved-pod-fields.ts';

const rules = lateRules(async () => {
  const { validateReplicationController, validateReplicationControllerStatus } = await import(
    './replication-controller-validation.ts'
  );
  const { workloadWarnings } = await import('./workload-warnings.ts');
  return {
    validate: validateReplicationController,
    warnings: workloadWarnings({ namesPods: true }),
    parts: { status: validateReplicationControllerStatus },
  };
});

export const replicationControllerKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  namespaced: true,
  shortNames: ['rc'],
  categories: ['all'],
  storagePath: 'controllers',
  hasGeneration: true,
  parts: [statusPart({ validate: rules.part('status') })],
  actions: [scaleAction],
  defaultPropagation: 'orphan',
  columns: [
    nameColumn,
    numberColumn<V1ReplicationController>('Desired', 'How many pods there shall be.', ({ spec }) => spec?.replicas ?? 0),
    numberColumn<V1ReplicationController>('Current', 'How many there are.', ({ status }) => status?.replicas ?? 0),
    numberColumn<V1ReplicationController>('Ready', 'How many are ready.', ({ status }) => status?.readyReplicas ?? 0),
    ageColumn,
    ...workloadColumns<V1ReplicationController>(({ spec }) => spec?.template),
    ...wide(
      textColumn<V1ReplicationController>('Selector', 'Which pods belong to it.', ({ spec }) => formatLabels(spec?.selector)),
    ),
  ],
  selectableFields: { 'status.replicas': (object) => String((object as V1ReplicationController).status?.replicas ?? 0) },
  prepareForCreate: (object) => {
    resetStatus('V1ReplicationController')(object);
    dropUnservedOfTemplate(object);
  },
  prepareForUpdate: dropUnservedOfTemplate,
  setDefaults: setReplicationControllerDefaults,
  ...rules.whole,
});
