import type { V1ReplicationController } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';

/** The template's labels are the controller's own and its selector, unless it has others. */
export function setReplicationControllerDefaults(object: DynamicObject): void {
  const { spec, metadata } = object as V1ReplicationController;
  if (!spec) return;
  setPodTemplateDefaults(spec.template);
  spec.replicas ??= 1;
  const labels = spec.template?.metadata?.labels;
  if (!labels) return;
  if (!Object.keys(spec.selector ?? {}).length) spec.selector = { ...labels };
  if (metadata && !Object.keys(metadata.labels ?? {}).length) metadata.labels = { ...labels };
}
