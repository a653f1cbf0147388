/** How a scheduler puts a pod on a node (pkg/registry/core/pod/storage/storage.go, pkg/apis/core/validation). */
import type { V1Binding, V1Pod } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { withPodCondition } from './pod-conditions.ts';

/** Made at the pod that it names, or as one of the namespace; nothing is kept of it. */
export const bindingKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Binding',
  resource: 'bindings',
  namespaced: true,
  storage: 'review',
});

export function validateBinding({ target }: V1Binding): FieldError[] {
  const errors: FieldError[] = [];
  if (target?.kind && target.kind !== 'Node') errors.push(notSupportedField('target.kind', target.kind, ['Node', '<empty>']));
  if (!target?.name) errors.push(requiredField('target.name', ''));
  return errors;
}

/** Why the pod cannot be put on a node any more, or not yet; undefined when it can. */
export function whyNotBound({ metadata, spec }: V1Pod): string | undefined {
  const name = metadata?.name ?? '';
  if (metadata?.deletionTimestamp) return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (spec?.nodeName) return `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`;
  return spec?.schedulingGates?.length ? `pod ${name} has non-empty .spec.schedulingGates` : undefined;
}

/** Puts the pod on the node, in place, with what the binding says of it besides. */
export function bindPod(pod: V1Pod, { metadata, target }: V1Binding, nowMs: number): void {
  pod.spec = { ...(pod.spec ?? { containers: [] }), nodeName: target.name! };
  const { annotations, labels } = metadata ?? {};
  pod.metadata ??= {};
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  // The hint has done its work, and would mislead from now on.
  const { nominatedNodeName: _, ...status } = pod.status ?? {};
  const { generation } = pod.metadata;
  const scheduled = { type: 'PodScheduled', status: 'True', ...(generation && { observedGeneration: generation }) };
  pod.status = withPodCondition(status, scheduled, nowMs);
}
