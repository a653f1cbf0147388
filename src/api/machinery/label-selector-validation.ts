/** Selectors in specs, field by field (apimachinery/pkg/apis/meta/v1/validation). */
import { checkEach, checkField } from './field-checks.ts';
import { forbiddenField, invalidField, requiredField } from './field-error.ts';
import type { LabelSelectorObject } from './label-selector.ts';
import { checkLabelValue, checkQualifiedName } from './names.ts';
import type { FieldError } from './status-error.ts';
import { validateLabels } from './validate-metadata.ts';

/** `lenient` leaves values alone that were stored before they were checked. */
export function validateLabelSelector(
  selector: LabelSelectorObject | undefined,
  path: string,
  { lenient = false }: { readonly lenient?: boolean } = {},
): FieldError[] {
  if (!selector) return [];
  return [
    ...validateLabels(selector.matchLabels, `${path}.matchLabels`),
    ...checkEach(selector.matchExpressions, `${path}.matchExpressions`, (requirement, at) => [
      ...checkOperator(requirement, at),
      ...checkField(`${at}.key`, requirement.key, checkQualifiedName),
      ...(lenient
        ? []
        : checkEach(requirement.values, `${at}.values`, (value, place) => checkField(place, value, checkLabelValue))),
    ]),
  ];
}

/** Whether an operator has the values that it needs; `anyOperator` lets those pass that are not known. */
export function checkOperator(
  { operator, values = [] }: { readonly operator: string; readonly values?: readonly string[] },
  path: string,
  { anyOperator = false } = {},
): FieldError[] {
  if (operator === 'In' || operator === 'NotIn')
    return values.length ? [] : [requiredField(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  if (operator === 'Exists' || operator === 'DoesNotExist')
    return values.length
      ? [forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
      : [];
  return anyOperator ? [] : [invalidField(`${path}.operator`, operator, 'not a valid selector operator')];
}

export const isEmptySelector = ({ matchLabels, matchExpressions }: LabelSelectorObject) =>
  !Object.keys(matchLabels ?? {}).length && !matchExpressions?.length;
