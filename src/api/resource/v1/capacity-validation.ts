/** Which parts of a capacity may be asked for (pkg/apis/resource/validation validateRequestPolicy). */
import type { V1CapacityRequestPolicy, V1CapacityRequestPolicyRange } from '../../gen/types.ts';
import { addErrors, forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, quantityValue } from '../../machinery/quantity.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkSet } from './device-names.ts';

const MOST_OPTIONS = 10;

const compare = (a: string, b: string) => compareQuantities(parseQuantity(a), parseQuantity(b));
const units = (text: string) => quantityValue(parseQuantity(text));

/** @param capacity all that there is */
export function validateRequestPolicy(capacity: string, policy: V1CapacityRequestPolicy, path: string): FieldError[] {
  const { validValues, validRange, default: preset } = policy;
  if (validValues?.length && validRange)
    return [
      forbiddenField(path, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'),
    ];
  if (validValues?.length)
    return preset === undefined
      ? [requiredField(`${path}.default`, 'required when validValues is defined')]
      : validateOptions(validValues, { capacity, preset }, `${path}.validValues`);
  if (!validRange) return [];
  return preset === undefined
    ? [requiredField(`${path}.default`, 'required when validRange is defined')]
    : validateRange(validRange, { capacity, preset }, `${path}.validRange`);
}

interface Bounds {
  readonly capacity: string;
  readonly preset: string;
}

function validateOptions(options: readonly string[], { capacity, preset }: Bounds, path: string): FieldError[] {
  const errors: FieldError[] = [];
  options.forEach((option, i) => {
    if (i > 0 && compare(options[i - 1]!, option) > 0)
      errors.push(invalidField(`${path}[${i}]`, option, 'values must be sorted in ascending order'));
  });
  const tooLarge = (option: string, at: string) =>
    compare(option, capacity) > 0 ? [invalidField(at, option, `option is larger than capacity value: ${capacity}`)] : [];
  addErrors(
    errors,
    checkSet(options, path, MOST_OPTIONS, tooLarge, (option) => `${units(option)}`),
  );
  if (!options.some((option) => compare(option, preset) === 0))
    errors.push(invalidField(path, preset, 'default value is not valid according to the requestPolicy'));
  return errors;
}

function validateRange({ min, max, step }: V1CapacityRequestPolicyRange, bounds: Bounds, path: string): FieldError[] {
  const { capacity, preset } = bounds;
  if (min === undefined) return [requiredField(`${path}.min`, 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const refuse = (field: string, value: string, why: string) => errors.push(invalidField(`${path}.${field}`, value, why));
  if (compare(min, capacity) > 0) refuse('min', min, `min is larger than capacity value: ${capacity}`);
  if (compare(preset, min) < 0) refuse('default', preset, `default is less than min: ${min}`);
  if (max !== undefined) {
    if (compare(min, max) > 0) refuse('max', min, `min is larger than max: ${max}`);
    if (compare(max, capacity) > 0) refuse('max', max, `max is larger than capacity value: ${capacity}`);
    if (compare(preset, max) > 0) refuse('default', preset, `default is more than max: ${max}`);
  }
  if (step === undefined) return errors;
  // Whole steps cannot be counted in nothing.
  if (compare(step, '0') <= 0) return [...errors, invalidField(`${path}.step`, step, 'must be greater than zero')];
  const added = formatQuantity(addQuantities(parseQuantity(min), parseQuantity(step)));
  if (compare(added, capacity) > 0) refuse('step', step, `one step ${added} is larger than capacity value: ${capacity}`);
  const width = units(step);
  for (const value of [preset, ...(max === undefined ? [] : [max])])
    if ((units(value) - units(min)) % width !== 0n)
      refuse('step', value, `value is not a multiple of a given step (${step}) from (${min})`);
  return errors;
}
