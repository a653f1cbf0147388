import type { V1ReplicationControllerSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specOf } from '../../machinery/spec-of.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';

/** The template's labels are the controller's own and its selector, unless it has others. */
export function setReplicationControllerDefaults(object: DynamicObject): void {
  const { metadata } = object;
  const spec = specOf<V1ReplicationControllerSpec>(object);
  setPodTemplateDefaults(spec.template);
  spec.replicas ??= 1;
  const labels = spec.template?.metadata?.labels;
  if (!labels) return;
  if (!Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
  if (metadata && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
}
