import type { V1ReplicationController } from '../../gen/types.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { selectorFromLabels } from '../../machinery/label-selector.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { validateReplicas } from '../../machinery/replica-status.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { shownInOrder } from './internal-form.ts';
import { checkLastingTemplate, validatePodTemplate } from './pod-template-validation.ts';

export function validateReplicationController(
  object: DynamicObject,
  _context?: WriteContext,
  existing?: DynamicObject,
): FieldError[] {
  const { spec = {} } = object as V1ReplicationController;
  const { selector, template } = spec;
  const isEmpty = !Object.keys(selector ?? {}).length;
  const errors = checkNotNegative('spec.minReadySeconds', spec.minReadySeconds);
  if (isEmpty) errors.push(requiredField('spec.selector'));
  addErrors(errors, checkNotNegative('spec.replicas', spec.replicas));
  if (!template) return [...errors, requiredField('spec.template')];
  const labels = template.metadata?.labels;
  if (!isEmpty && !selectorFromLabels(selector).matches(labels))
    errors.push(
      invalidField('spec.template.metadata.labels', shownInOrder(labels), '`selector` does not match template `labels`'),
    );
  addErrors(
    errors,
    validatePodTemplate(template, 'spec.template', (existing as V1ReplicationController | undefined)?.spec?.template),
  );
  checkLastingTemplate(template, 'spec.template', 'ReplicationController', errors);
  return errors;
}

export function validateReplicationControllerStatus(updated: DynamicObject): FieldError[] {
  const { status } = updated as V1ReplicationController;
  return validateReplicas(status ?? { replicas: 0 }, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas']);
}
