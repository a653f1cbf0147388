/** Validation of bindings of policies (pkg/apis/admissionregistration/validation). */
import type { V1MutatingAdmissionPolicyBinding, V1ValidatingAdmissionPolicyBinding } from '../../gen/types.ts';
import { checkEach } from '../../machinery/field-checks.ts';
import { duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateMatchResources, validateMutableOperations } from './match-rules-validation.ts';
import { validateParamRef, validatePolicyName } from './policy-parts-validation.ts';

const ACTIONS = ['Audit', 'Deny', 'Warn'];
const BOTH =
  'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';

export function validateValidatingPolicyBinding(object: DynamicObject): FieldError[] {
  const { spec } = object as object as V1ValidatingAdmissionPolicyBinding;
  return [...validateBinding(object), ...validateActions(spec?.validationActions ?? [], 'spec.validationActions')];
}

export function validateMutatingPolicyBinding(object: DynamicObject): FieldError[] {
  const { spec } = object as V1MutatingAdmissionPolicyBinding;
  return [...validateBinding(object), ...validateMutableOperations(spec?.matchResources, 'spec.matchResources')];
}

function validateBinding(object: DynamicObject): FieldError[] {
  const { spec } = object as V1MutatingAdmissionPolicyBinding;
  return [
    ...validatePolicyName(spec?.policyName, 'spec.policyName'),
    ...validateParamRef(spec?.paramRef, 'spec.paramRef'),
    ...validateMatchResources(spec?.matchResources, 'spec.matchResources'),
  ];
}

function validateActions(actions: readonly string[], path: string): FieldError[] {
  const seen = new Set<string>();
  const errors = checkEach(actions, path, (action, at) => {
    const wrong = ACTIONS.includes(action) ? [] : [notSupportedField(at, action, ACTIONS)];
    if (seen.has(action)) wrong.push(duplicateField(at, action));
    seen.add(action);
    return wrong;
  });
  if (seen.has('Deny') && seen.has('Warn')) errors.push(invalidField(path, actions, BOTH));
  if (!seen.size) errors.push(requiredField(path, 'at least one validation action is required'));
  return errors;
}
