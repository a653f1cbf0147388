/** Which nodes are meant, in affinities of volumes and claims (core/validation ValidateNodeSelector). */
import type { V1NodeSelector, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '../../gen/types.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

/** `anyValue`: values that no label can have are let be. */
export function validateNodeSelector(
  { nodeSelectorTerms = [] }: Partial<V1NodeSelector>,
  path: string,
  options: { readonly anyValue?: boolean } = {},
): FieldError[] {
  const at = `${path}.nodeSelectorTerms`;
  if (!nodeSelectorTerms.length) return [requiredField(at, 'must have at least one node selector term')];
  return checkEach(nodeSelectorTerms, at, (term, place) => validateNodeSelectorTerm(term, place, options));
}

/** What is only wished for may name values that no label can have: `anyValue`. */
export const validateNodeSelectorTerm = (
  { matchExpressions, matchFields }: V1NodeSelectorTerm,
  path: string,
  { anyValue = false }: { readonly anyValue?: boolean } = {},
): FieldError[] => [
  ...checkEach(matchExpressions, `${path}.matchExpressions`, (requirement, at) => validateExpression(requirement, at, anyValue)),
  ...checkEach(matchFields, `${path}.matchFields`, validateField),
];

function validateExpression(
  { key, operator, values = [] }: V1NodeSelectorRequirement,
  path: string,
  anyValue: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (!values.length) errors.push(requiredField(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length)
        errors.push(forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        errors.push(requiredField(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalidField(`${path}.operator`, operator, 'not a valid selector operator'));
  }
  addErrors(errors, checkField(`${path}.key`, key, checkQualifiedName));
  if (anyValue) return errors;
  return [...errors, ...checkEach(values, `${path}.values`, (value, at) => checkField(at, value, checkLabelValue))];
}

/** Of a node's fields only its name can be asked for. */
function validateField({ key, operator, values = [] }: V1NodeSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn')
    errors.push(invalidField(`${path}.operator`, operator, 'not a valid selector operator'));
  else if (values.length !== 1)
    errors.push(
      requiredField(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    );
  if (key !== 'metadata.name') return [...errors, invalidField(`${path}.key`, key, 'not a valid field selector key')];
  return [...errors, ...checkEach(values, `${path}.values`, (value, at) => checkField(at, value, checkDnsSubdomain))];
}
