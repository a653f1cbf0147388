/** How many replicas something has and wants (pkg/apis/autoscaling). */
import type { V1LabelSelector, V1Scale } from '../../gen/types.ts';
import { ageColumn, nameColumn, numberColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import { selectorFromLabelSelector, selectorFromLabels } from '../../machinery/label-selector.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** What the `scale` of workloads is sent and answers; never kept as itself. */
export const scaleKind = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  resource: 'scales',
  namespaced: true,
  storage: 'review',
  columns: [
    nameColumn,
    numberColumn<V1Scale>('Desired', 'How many instances are wanted.', ({ spec }) => spec?.replicas ?? 0),
    numberColumn<V1Scale>('Available', 'How many instances there are.', ({ status }) => status?.replicas ?? 0),
    ageColumn,
  ],
});

type Workload = DynamicObject & {
  spec?: { replicas?: number; selector?: object };
  status?: { replicas?: number };
};

/** The scale of a workload. A replication controller's selector is a map of labels, the others' a LabelSelector. */
export function scaleOf({ resource }: Pick<KindDefinition, 'resource'>, object: DynamicObject): DynamicObject & V1Scale {
  const { metadata, spec, status } = object as Workload;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = textOf(resource, spec?.selector);
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      name,
      namespace,
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(creationTimestamp && { creationTimestamp }),
    },
    // As upstream, which leaves out what is none.
    spec: { ...(spec?.replicas && { replicas: spec.replicas }) },
    status: { replicas: status?.replicas ?? 0, ...(selector && { selector }) },
  } as DynamicObject & V1Scale;
}

function textOf(resource: string, selector: object | undefined): string {
  if (!selector) return '';
  const parsed =
    resource === 'replicationcontrollers'
      ? selectorFromLabels(selector as Record<string, string>)
      : selectorFromLabelSelector(selector as Parameters<typeof selectorFromLabelSelector>[0] & V1LabelSelector);
  return parsed.toString();
}

export const validateScale = ({ spec }: V1Scale): FieldError[] => checkNotNegative('spec.replicas', spec?.replicas);
