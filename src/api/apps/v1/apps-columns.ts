import type { V1ControllerRevision, V1DaemonSet, V1Deployment, V1ReplicaSet, V1StatefulSet } from '../../gen/types.ts';
import { ageColumn, formatLabels, NONE, nameColumn, numberColumn, textColumn } from '../../machinery/columns.ts';
import type { Column } from '../../machinery/kind.ts';
import { workloadColumns } from '../../machinery/template-columns.ts';

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1Deployment>(
    'Ready',
    'How many of its pods are ready.',
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
  ),
  textColumn<V1Deployment>(
    'Up-to-date',
    'How many pods are of the newest template.',
    ({ status }) => status?.updatedReplicas ?? 0,
  ),
  textColumn<V1Deployment>(
    'Available',
    'How many pods have been ready for long enough.',
    ({ status }) => status?.availableReplicas ?? 0,
  ),
  ageColumn,
  ...workloadColumns<V1Deployment>(
    ({ spec }) => spec?.template,
    ({ spec }) => spec?.selector,
  ),
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  numberColumn<V1ReplicaSet>('Desired', 'How many pods there shall be.', ({ spec }) => spec?.replicas ?? 0),
  numberColumn<V1ReplicaSet>('Current', 'How many there are.', ({ status }) => status?.replicas ?? 0),
  numberColumn<V1ReplicaSet>('Ready', 'How many are ready.', ({ status }) => status?.readyReplicas ?? 0),
  ageColumn,
  ...workloadColumns<V1ReplicaSet>(
    ({ spec }) => spec?.template,
    ({ spec }) => spec?.selector,
  ),
];

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  numberColumn<V1DaemonSet>('Desired', 'On how many nodes it shall run.', ({ status }) => status?.desiredNumberScheduled ?? 0),
  numberColumn<V1DaemonSet>('Current', 'On how many it runs.', ({ status }) => status?.currentNumberScheduled ?? 0),
  numberColumn<V1DaemonSet>('Ready', 'On how many it is ready.', ({ status }) => status?.numberReady ?? 0),
  numberColumn<V1DaemonSet>(
    'Up-to-date',
    'On how many it is of the newest template.',
    ({ status }) => status?.updatedNumberScheduled ?? 0,
  ),
  numberColumn<V1DaemonSet>(
    'Available',
    'On how many it has been ready for long enough.',
    ({ status }) => status?.numberAvailable ?? 0,
  ),
  textColumn<V1DaemonSet>('Node Selector', 'The nodes it runs on.', ({ spec }) =>
    formatLabels(spec?.template.spec?.nodeSelector),
  ),
  ageColumn,
  ...workloadColumns<V1DaemonSet>(
    ({ spec }) => spec?.template,
    ({ spec }) => spec?.selector,
  ),
];

export const statefulSetColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1StatefulSet>(
    'Ready',
    'How many of its pods are ready.',
    ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
  ),
  ageColumn,
  ...workloadColumns<V1StatefulSet>(({ spec }) => spec?.template),
];

function controllerOf({ metadata }: V1ControllerRevision): string {
  const controller = metadata?.ownerReferences?.find((owner) => owner.controller);
  if (!controller) return NONE;
  const group = controller.apiVersion.includes('/') ? `.${controller.apiVersion.split('/')[0]}` : '';
  return `${(controller.kind + group).toLowerCase()}/${controller.name}`;
}

export const controllerRevisionColumns: readonly Column[] = [
  nameColumn,
  textColumn<V1ControllerRevision>('Controller', 'What it is a revision of.', controllerOf),
  textColumn<V1ControllerRevision>('Revision', 'Its number.', ({ revision }) => revision),
  ageColumn,
];
