import type { V1ReplicationController } from '../../gen/types.ts';
import { invalidField, requiredField } from '../../machinery/field-error.ts';
import { selectorFromLabels } from '../../machinery/label-selector.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { setPodTemplateDefaults } from './pod-defaults.ts';
import { validatePodTemplate } from './pod-validation.ts';

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

export function validateReplicationController(object: DynamicObject): FieldError[] {
  const { spec } = object as V1ReplicationController;
  if (!spec) return [requiredField('spec')];
  const errors: FieldError[] = [];
  if ((spec.replicas ?? 0) < 0) errors.push(invalidField('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  if (!Object.keys(spec.selector ?? {}).length) errors.push(requiredField('spec.selector'));
  if (!spec.template) return [...errors, requiredField('spec.template')];
  const labels = spec.template.metadata?.labels ?? {};
  if (!selectorFromLabels(spec.selector).matches(labels))
    errors.push(invalidField('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  return [...errors, ...validatePodTemplate(spec.template, 'spec.template')];
}
