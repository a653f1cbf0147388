/** What validating and mutating policies and their bindings have in common (pkg/apis/admissionregistration/validation). */
import type { Pace, Steps } from '../../../std/pauses.ts';
import type { V1ParamKind, V1ParamRef, V1ValidatingAdmissionPolicySpec, V1Variable } from '../../gen/types.ts';
import { checkEach, checkField, checkOneOf, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { LabelSelectorObject } from '../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDns1035Label, checkDnsSubdomain, checkPathSegment } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { type CompiledVariable, compileVariables, type ExpressionScope } from '../expressions/admission-expressions.ts';
import { validateMatchConditions } from './match-conditions-validation.ts';
import { FAILURE_POLICIES, validateMatchResources, validateMutableOperations } from './match-rules-validation.ts';

type PolicyBasis = Pick<V1ValidatingAdmissionPolicySpec, 'failurePolicy' | 'paramKind' | 'matchConstraints' | 'matchConditions'>;

const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function validateParamKind({ apiVersion = '', kind = '' }: V1ParamKind, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const parts = apiVersion.split('/');
  const [group, version] = parts.length > 1 ? [parts[0]!, parts[1]!] : ['', parts[0]!];
  const field = `${path}.apiVersion`;
  if (!apiVersion) errors.push(requiredField(field));
  else if (parts.length > 2) errors.push(invalidField(field, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const groupComplaints = group ? checkDnsSubdomain(group) : [];
    if (groupComplaints.length) errors.push(invalidField(field, group, groupComplaints.join(',')));
    const complaints = checkDns1035Label(version);
    if (!version) errors.push(invalidField(field, apiVersion, 'version must be specified'));
    else if (complaints.length) errors.push(invalidField(field, version, complaints.join(',')));
  }
  if (!kind) return [...errors, requiredField(`${path}.kind`)];
  const complaints = checkDns1035Label(kind.toLowerCase());
  if (complaints.length)
    errors.push(invalidField(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${complaints.join(',')}`));
  return errors;
}

/** What both kinds of policies say of the requests that they are about. Match conditions that did not change are not checked again. */
export function* validatePolicyBasis(
  spec: PolicyBasis,
  old: PolicyBasis | undefined,
  pace: Pace,
  { mutates = false }: { readonly mutates?: boolean } = {},
): Steps<FieldError[]> {
  const { failurePolicy, paramKind, matchConstraints, matchConditions } = spec;
  const errors =
    failurePolicy === undefined
      ? [requiredField('spec.failurePolicy')]
      : checkOneOf('spec.failurePolicy', failurePolicy, FAILURE_POLICIES);
  if (paramKind) addErrors(errors, validateParamKind(paramKind, 'spec.paramKind'));
  if (!matchConstraints) errors.push(requiredField('spec.matchConstraints'));
  else {
    addErrors(errors, validateMatchResources(matchConstraints, 'spec.matchConstraints'));
    if (!matchConstraints.resourceRules?.length) errors.push(requiredField('spec.matchConstraints.resourceRules'));
    if (mutates) addErrors(errors, validateMutableOperations(matchConstraints, 'spec.matchConstraints'));
  }
  const unchanged = old && sameMeaning(old.paramKind, paramKind) && sameMeaning(old.matchConditions, matchConditions);
  if (unchanged) return errors;
  const scope = { params: paramKind !== undefined };
  addErrors(errors, yield* validateMatchConditions(matchConditions, 'spec.matchConditions', scope, pace));
  return errors;
}

/** Complaints about variables, and the scope in which expressions may use them. */
export function* validateVariables(
  variables: readonly V1Variable[] | undefined,
  path: string,
  scope: ExpressionScope,
  pace: Pace,
): Steps<{ readonly errors: FieldError[]; readonly scope: ExpressionScope }> {
  if (!variables?.length) return { errors: [], scope };
  const { compiled, scope: extended } = yield* compileVariables(variables, scope, pace);
  return {
    errors: checkEach(variables, path, (variable, at, i) => validateVariable(variable, at, compiled[i]!)),
    scope: extended,
  };
}

function validateVariable({ name, expression }: V1Variable, path: string, { error }: CompiledVariable): FieldError[] {
  const errors: FieldError[] = [];
  if (!name?.trim()) errors.push(requiredField(`${path}.name`, 'name is not specified'));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) || RESERVED.has(name))
    errors.push(invalidField(`${path}.name`, name, 'must be a valid CEL identifier'));
  if (!expression?.trim()) errors.push(requiredField(`${path}.expression`, 'expression is not specified'));
  else if (error) errors.push(invalidField(`${path}.expression`, expression, error.message));
  return errors;
}

export function validatePolicyName(name: string | undefined, path: string): FieldError[] {
  return name ? checkField(path, name, checkDnsSubdomain) : [requiredField(path)];
}

export function validateParamRef(reference: V1ParamRef | undefined, path: string): FieldError[] {
  if (!reference) return [];
  const { name = '', selector, parameterNotFoundAction: action } = reference;
  const exclusive = 'name and selector are mutually exclusive';
  const errors = name ? checkField(`${path}.name`, name, checkPathSegment) : [];
  if (name && selector) errors.push(forbiddenField(`${path}.name`, exclusive));
  if (selector) addErrors(errors, validateLabelSelector(selector as LabelSelectorObject, `${path}.selector`));
  if (name && selector) errors.push(forbiddenField(`${path}.selector`, exclusive));
  if (!name && !selector) errors.push(requiredField(path, 'one of name or selector must be specified'));
  if (!action) errors.push(requiredField(`${path}.parameterNotFoundAction`));
  else if (action !== 'Deny' && action !== 'Allow')
    errors.push(notSupportedField(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow']));
  return errors;
}
