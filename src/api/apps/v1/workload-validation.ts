/** What all workloads with a selector and a template have in common (pkg/apis/apps/validation). */
import { validatePodTemplate } from '../../core/v1/pod-validation.ts';
import type { V1LabelSelector, V1PodTemplateSpec } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import { type Selector, selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

interface Workload {
  readonly spec?: { replicas?: number; selector?: V1LabelSelector; template?: V1PodTemplateSpec };
}

function parseSelector(selector: V1LabelSelector): Selector | string {
  try {
    return selectorFromLabelSelector(selector);
  } catch (error) {
    return (error as Error).message;
  }
}

/** For Deployments, ReplicaSets, DaemonSets and StatefulSets. */
export function validateWorkload(object: DynamicObject): FieldError[] {
  const { spec } = object as Workload;
  if (!spec) return [requiredField('spec')];
  const errors: FieldError[] = [];
  if ((spec.replicas ?? 0) < 0) errors.push(invalidField('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  errors.push(...validateSelector(spec));
  errors.push(...validatePodTemplate(spec.template, 'spec.template'));
  return errors;
}

function validateSelector({ selector, template }: NonNullable<Workload['spec']>): FieldError[] {
  if (!selector) return [requiredField('spec.selector')];
  if (!Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length)
    return [invalidField('spec.selector', selector, 'empty selector is invalid for deployment')];
  const parsed = parseSelector(selector);
  if (typeof parsed === 'string') return [invalidField('spec.selector', selector, parsed)];
  const labels = template?.metadata?.labels ?? {};
  return parsed.matches(labels)
    ? []
    : [invalidField('spec.template.metadata.labels', labels, '`selector` does not match template `labels`')];
}

/** A workload whose selector changed would leave its pods to nobody. */
export function validateWorkloadUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const selector = (updated as Workload).spec?.selector;
  return equalJson(selector, (existing as Workload).spec?.selector) ? [] : [invalidField('spec.selector', selector, IMMUTABLE)];
}
