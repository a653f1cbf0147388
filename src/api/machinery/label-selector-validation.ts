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
  const errors = validateLabels(selector.matchLabels, `${path}.matchLabels`);
  (selector.matchExpressions ?? []).forEach(({ key, operator, values = [] }, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length) errors.push(requiredField(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length)
        errors.push(forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else errors.push(invalidField(`${at}.operator`, operator, 'not a valid selector operator'));
    errors.push(...checkField(`${at}.key`, key, checkQualifiedName));
    if (!lenient) errors.push(...checkEach(values, `${at}.values`, (value, path) => checkField(path, value, checkLabelValue)));
  });
  return errors;
}

export const isEmptySelector = ({ matchLabels, matchExpressions }: LabelSelectorObject) =>
  !Object.keys(matchLabels ?? {}).length && !matchExpressions?.length;
