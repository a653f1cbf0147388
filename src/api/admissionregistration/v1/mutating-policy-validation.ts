/** Validation of MutatingAdmissionPolicies. Heavy to load: it compiles expressions (pkg/apis/admissionregistration/validation). */
import type { Pace, Steps } from '../../../std/pauses.ts';
import type { V1MutatingAdmissionPolicy, V1Mutation } from '../../gen/types.ts';
import { checkOneOf } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { compilingPace, type ExpressionScope } from '../expressions/admission-expressions.ts';
import { checkExpression } from './match-conditions-validation.ts';
import { validatePolicyBasis, validateVariables } from './policy-parts-validation.ts';

/** Expressions are compiled some at a time: there may be thousands. */
export function* validateMutatingPolicy(object: DynamicObject, existing: DynamicObject | undefined): Steps<FieldError[]> {
  const { spec = {} } = object as V1MutatingAdmissionPolicy;
  const old = (existing as V1MutatingAdmissionPolicy | undefined)?.spec;
  const { paramKind, reinvocationPolicy, mutations = [] } = spec;
  const params = paramKind !== undefined;
  const pace = compilingPace();
  const errors = yield* validatePolicyBasis(spec, old, pace, { mutates: true });
  // Only mutations may make objects and patches.
  const variables = yield* validateVariables(spec.variables, 'spec.variables', { params, authorizer: true }, pace);
  const scope = { ...variables.scope, patchTypes: true };
  addErrors(errors, variables.errors);
  if (!mutations.length) errors.push(requiredField('spec.mutations', 'mutations must contain at least one item'));
  for (const [i, mutation] of mutations.entries())
    addErrors(errors, yield* validateMutation(mutation, `spec.mutations[${i}]`, scope, pace));
  if (!reinvocationPolicy) errors.push(requiredField('spec.reinvocationPolicy'));
  else addErrors(errors, checkOneOf('spec.reinvocationPolicy', reinvocationPolicy, ['IfNeeded', 'Never']));
  return errors;
}

function* validateMutation(mutation: V1Mutation, path: string, scope: ExpressionScope, pace: Pace): Steps<FieldError[]> {
  const { patchType, applyConfiguration, jsonPatch } = mutation;
  if (!patchType) return [requiredField(`${path}.patchType`)];
  const errors = checkOneOf(`${path}.patchType`, patchType, ['ApplyConfiguration', 'JSONPatch']);
  if (errors.length) return errors;
  const isPatch = patchType === 'JSONPatch';
  const [field, part, result] = isPatch
    ? (['jsonPatch', jsonPatch, 'json-patch'] as const)
    : (['applyConfiguration', applyConfiguration, 'object'] as const);
  if (!part) errors.push(requiredField(`${path}.${field}`, `must be specified when patchType is ${patchType}`));
  else if (!part.expression?.trim()) errors.push(requiredField(`${path}.${field}.expression`));
  else addErrors(errors, yield* checkExpression(`${path}.${field}.expression`, part.expression.trim(), { scope, result }, pace));
  const [other, otherPart] = isPatch
    ? (['applyConfiguration', applyConfiguration] as const)
    : (['jsonPatch', jsonPatch] as const);
  if (otherPart)
    errors.push(invalidField(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
  return errors;
}
