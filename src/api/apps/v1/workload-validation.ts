/** What workloads with a selector and a template have in common (pkg/apis/apps/validation). */

import { shownInOrder } from '../../core/v1/internal-form.ts';
import { checkLastingTemplate, validatePodTemplate } from '../../core/v1/pod-template-validation.ts';
import type { V1LabelSelector, V1PodTemplateSpec } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, IMMUTABLE, invalidField, requiredField } from '../../machinery/field-error.ts';
import { selectorFromLabelSelector } from '../../machinery/label-selector.ts';
import { isEmptySelector, validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** Says whether a selector is one that can select at all, and selects these labels. */
export function selects(
  selector: V1LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
): boolean | 'unusable' {
  try {
    return selectorFromLabelSelector(selector).matches(labels);
  } catch {
    return 'unusable';
  }
}

/** Adds complaints about a selector that has to be there and to select something. `kind`: as the complaint names it. */
export function checkSelector(selector: V1LabelSelector | undefined, kind: string, errors: FieldError[]): void {
  if (!selector) return void errors.push(requiredField('spec.selector'));
  addErrors(errors, validateLabelSelector(selector, 'spec.selector'));
  if (isEmptySelector(selector))
    errors.push(invalidField('spec.selector', shownInOrder(selector), `empty selector is invalid for ${kind}`));
}

/** A workload would leave the pods of a template that its selector does not select to nobody. `unusable`: what is said of a bad selector. */
export function checkSelected(
  selector: V1LabelSelector | undefined,
  template: V1PodTemplateSpec | undefined,
  unusable: string | undefined,
  errors: FieldError[],
): boolean {
  const labels = template?.metadata?.labels;
  const selected = selects(selector, labels);
  if (selected === 'unusable') {
    if (unusable !== undefined) errors.push(invalidField('spec.selector', shownInOrder(selector), unusable));
    return false;
  }
  if (!selected && !(selector && isEmptySelector(selector)))
    errors.push(
      invalidField('spec.template.metadata.labels', shownInOrder(labels), '`selector` does not match template `labels`'),
    );
  return true;
}

/** For Deployments and ReplicaSets. `stored`: what the template was before an update. */
export function checkReplicatedTemplate(
  selector: V1LabelSelector | undefined,
  template: V1PodTemplateSpec | undefined,
  stored: V1PodTemplateSpec | undefined,
  errors: FieldError[],
): void {
  checkSelector(selector, 'deployment', errors);
  if (!checkSelected(selector, template, 'invalid label selector', errors)) return;
  addErrors(errors, validatePodTemplate(template, 'spec.template', stored));
  checkLastingTemplate(template, 'spec.template', 'ReplicaSet', errors);
}

/** A workload whose selector changed would leave its pods to nobody. */
export function validateSelectorUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const selectorOf = (object: DynamicObject) => (object['spec'] as { selector?: V1LabelSelector } | undefined)?.selector;
  const selector = selectorOf(updated);
  return sameMeaning(selector, selectorOf(existing)) ? [] : [invalidField('spec.selector', shownInOrder(selector), IMMUTABLE)];
}
