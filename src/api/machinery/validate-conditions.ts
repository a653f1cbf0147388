/** `metav1.Condition`s, as newer kinds keep them in their status (apimachinery/pkg/apis/meta/v1/validation ValidateConditions). */
import type { V1Condition } from '../gen/types.ts';
import { checkEach, checkField } from './field-checks.ts';
import { duplicateField, invalidField, notSupportedField, requiredField, tooLongField } from './field-error.ts';
import { checkQualifiedName } from './names.ts';
import type { FieldError } from './status-error.ts';

const STATUSES = ['False', 'True', 'Unknown'];
const LONGEST_REASON = 1024;
const LONGEST_MESSAGE = 32 * 1024;
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const isReason = new RegExp(`^${REASON}$`);
const NO_REASON = `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '${REASON}')`;

export function validateConditions(conditions: readonly V1Condition[] | undefined, path: string): FieldError[] {
  const types = new Set<string>();
  return checkEach(conditions, path, (condition, at) => {
    const { type } = condition;
    const errors = types.has(type) ? [duplicateField(`${at}.type`, type)] : [];
    types.add(type);
    return [...errors, ...validateCondition(condition, at)];
  });
}

function validateCondition(condition: V1Condition, path: string): FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason, message = '' } = condition;
  const errors = checkField(`${path}.type`, type, checkQualifiedName);
  if (!STATUSES.includes(status)) errors.push(notSupportedField(`${path}.status`, status, STATUSES));
  if (observedGeneration < 0)
    errors.push(invalidField(`${path}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'));
  if (!lastTransitionTime) errors.push(requiredField(`${path}.lastTransitionTime`));
  if (!reason) errors.push(requiredField(`${path}.reason`));
  else {
    if (!isReason.test(reason)) errors.push(invalidField(`${path}.reason`, reason, NO_REASON));
    if (Buffer.byteLength(reason) > LONGEST_REASON) errors.push(tooLongField(`${path}.reason`, LONGEST_REASON));
  }
  if (Buffer.byteLength(message) > LONGEST_MESSAGE) errors.push(tooLongField(`${path}.message`, LONGEST_MESSAGE));
  return errors;
}
