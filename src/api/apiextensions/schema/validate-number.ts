import { isExactInteger } from '../../../std/exact-json.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { JsonSchema } from './json-schema.ts';
import * as errors from './value-errors.ts';

/** What a schema says of a number, if it says just one type for it. */
interface NumberType {
  readonly type: 'integer' | 'number' | '';
  readonly format: string;
}

const INT32_MOST = 2 ** 31 - 1;
const INT64_BEYOND = 2 ** 63;
/** go-openapi takes no double beyond for a whole number. */
const LARGEST_WHOLE = 2 ** 53 - 1;

/**
 * What is wrong with a number besides its type (kube-openapi pkg/validation/validate numberValidator). Limits of integers are integers,
 * too: what a limit has behind its point is cut off, so that no integer is a multiple of 0.1.
 */
export function validateNumber(
  value: number | bigint,
  schema: JsonSchema,
  declared: NumberType,
  path: string,
): readonly FieldError[] {
  const found: FieldError[] = [];
  if (!isInRange(value, declared)) found.push(errors.outOfRange('Checked', path, declared));
  const { multipleOf, minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false } = schema;
  /** The limit in the form that it is compared in. */
  const compared = (what: string, limit: number): number | bigint => {
    const fits = isInRange(limit, declared);
    if (!fits) found.push(errors.outOfRange(what, path, declared));
    return fits && isExactInteger(value) ? goInt64(limit) : limit;
  };
  if (multipleOf !== undefined) {
    const factor = compared('MultipleOf', multipleOf);
    if (factor <= 0) found.push(errors.multipleOfNothing(path, factor));
    else if (!isMultiple(value, factor)) found.push(errors.notMultiple(path, value, factor));
  }
  if (minimum !== undefined) {
    const least = compared('Minimum boundary', minimum);
    if (exclusiveMinimum ? value <= least : value < least) found.push(errors.tooSmall(path, value, least, exclusiveMinimum));
  }
  if (maximum !== undefined) {
    const most = compared('Maximum boundary', maximum);
    if (exclusiveMaximum ? value >= most : value > most) found.push(errors.tooLarge(path, value, most, exclusiveMaximum));
  }
  return found;
}

function isInRange(value: number | bigint, { type, format }: NumberType): boolean {
  if (type === 'integer') {
    if (typeof value === 'number' && !Number.isInteger(value)) return false;
    if (format === 'int32') return value >= -INT32_MOST - 1 && value <= INT32_MOST;
    return value >= -INT64_BEYOND && value < INT64_BEYOND;
  }
  return format !== 'float' || Number.isFinite(Math.fround(Number(value)));
}

/** As Go converts a float64 to an int64: without what is behind the point; what does not fit becomes the least of all. */
function goInt64(value: number): bigint {
  return Math.abs(value) < INT64_BEYOND ? BigInt(Math.trunc(value)) : BigInt(-INT64_BEYOND);
}

function isMultiple(value: number | bigint, factor: number | bigint): boolean {
  if (typeof factor === 'bigint') return BigInt(value) % factor === 0n;
  return isWhole(factor < 1 ? (1 / factor) * Number(value) : Number(value) / factor);
}

/** Whether a double is near enough to a whole number (go-openapi/swag IsFloat64AJSONInteger). */
export function isWhole(value: number): boolean {
  if (Number.isNaN(value) || Math.abs(value) > LARGEST_WHOLE) return false;
  const whole = Math.round(value);
  return value === whole || Math.abs(value - whole) < 1e-9 * Math.abs(whole);
}
