/** Validation of ValidatingAdmissionPolicies. Heavy to load: it compiles expressions (pkg/apis/admissionregistration/validation). */
import type { Pace, Steps } from '../../../std/pauses.ts';
import type { V1AuditAnnotation, V1ValidatingAdmissionPolicy, V1Validation } from '../../gen/types.ts';
import { checkField, checkOneOf } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { compilingPace, type ExpressionScope } from '../expressions/admission-expressions.ts';
import { checkExpression } from './match-conditions-validation.ts';
import { validatePolicyBasis, validateVariables } from './policy-parts-validation.ts';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const MOST_AUDIT_ANNOTATIONS = 20;
const LONGEST_VALUE_EXPRESSION = 5 * 1024;
const NO_CHECKS = 'validations or auditAnnotations must contain at least one item';

/** Expressions are compiled some at a time: there may be thousands. */
export function* validateValidatingPolicy(object: DynamicObject, existing: DynamicObject | undefined): Steps<FieldError[]> {
  const { metadata = {}, spec = {} } = object as V1ValidatingAdmissionPolicy;
  const old = (existing as V1ValidatingAdmissionPolicy | undefined)?.spec;
  const { paramKind, validations = [], auditAnnotations = [] } = spec;
  const params = paramKind !== undefined;
  const pace = compilingPace();
  const errors = yield* validatePolicyBasis(spec, old, pace);
  const variables = yield* validateVariables(spec.variables, 'spec.variables', { params, authorizer: true }, pace);
  addErrors(errors, variables.errors);
  if (!validations.length && !auditAnnotations.length)
    return [...errors, requiredField('spec.validations', NO_CHECKS), requiredField('spec.auditAnnotations', NO_CHECKS)];
  for (const [i, each] of validations.entries())
    addErrors(errors, yield* validateValidation(each, `spec.validations[${i}]`, variables.scope, pace));
  if (auditAnnotations.length > MOST_AUDIT_ANNOTATIONS)
    errors.push(
      invalidField(
        'spec.auditAnnotations',
        auditAnnotations,
        `must not have more than ${MOST_AUDIT_ANNOTATIONS} auditAnnotations`,
      ),
    );
  const seen = new Set<string>();
  for (const [i, each] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${i}]`;
    addErrors(errors, yield* validateAuditAnnotation(each, at, { policy: metadata.name ?? '', scope: variables.scope }, pace));
    if (seen.has(each.key)) errors.push(duplicateField(`${at}.key`, each.key));
    seen.add(each.key);
  }
  return errors;
}

function* validateValidation(validation: V1Validation, path: string, scope: ExpressionScope, pace: Pace): Steps<FieldError[]> {
  const { expression = '', message = '', messageExpression = '', reason } = validation;
  const errors = expression.trim()
    ? yield* checkExpression(`${path}.expression`, expression, { scope, result: 'bool' }, pace)
    : [requiredField(`${path}.expression`, 'expression is not specified')];
  if (messageExpression && !messageExpression.trim())
    errors.push(invalidField(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'));
  else if (messageExpression) {
    const check = { scope: { ...scope, authorizer: false }, result: 'string' } as const;
    addErrors(errors, yield* checkExpression(`${path}.messageExpression`, messageExpression, check, pace));
  }
  if (message && !message.trim()) errors.push(invalidField(`${path}.message`, message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message.trim())) errors.push(invalidField(`${path}.message`, message, 'must not contain line breaks'));
  if (reason !== undefined) addErrors(errors, checkOneOf(`${path}.reason`, reason, REASONS));
  return errors;
}

function* validateAuditAnnotation(
  { key, valueExpression }: V1AuditAnnotation,
  path: string,
  { policy, scope }: { readonly policy: string; readonly scope: ExpressionScope },
  pace: Pace,
): Steps<FieldError[]> {
  const errors = policy
    ? checkField(`${path}.key`, `${policy}/${key}`, checkQualifiedName)
    : [invalidField(`${path}.key`, key, 'requires metadata.name be non-empty')];
  const trimmed = (valueExpression ?? '').trim();
  const field = `${path}.valueExpression`;
  if (!trimmed) errors.push(requiredField(field, 'valueExpression is not specified'));
  else if (trimmed.length > LONGEST_VALUE_EXPRESSION)
    errors.push(requiredField(field, `must not exceed ${LONGEST_VALUE_EXPRESSION} bytes in length`));
  else
    addErrors(errors, yield* checkExpression(field, trimmed, { scope, result: 'string-or-null', shown: valueExpression }, pace));
  return errors;
}
