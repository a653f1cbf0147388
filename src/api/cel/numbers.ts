/** Numbers with the limits of 64 bits: what leaves them is an error. */
import { goFloat } from '../../std/go-text.ts';
import { ErrorValue, Uint } from './values.ts';

const INT_MIN = -(2n ** 63n);
const INT_MAX = 2n ** 63n - 1n;
const UINT_MAX = 2n ** 64n - 1n;

export const intOrError = (value: bigint, what = 'integer overflow'): bigint | ErrorValue =>
  value < INT_MIN || value > INT_MAX ? new ErrorValue(what) : value;

export const uintOrError = (value: bigint, what = 'unsigned integer overflow'): Uint | ErrorValue =>
  value < 0n || value > UINT_MAX ? new ErrorValue(what) : new Uint(value);

/** Toward zero; undefined for what no integer of the range is near to. */
export function truncated(value: number, unsigned: boolean): bigint | undefined {
  if (!Number.isFinite(value)) return undefined;
  const whole = BigInt(Math.trunc(value));
  if (unsigned ? value < 0 || whole > UINT_MAX : whole <= INT_MIN || whole >= INT_MAX) return undefined;
  return whole;
}

/** As Go's strconv prints a float64 with 'g' and the shortest digits. */
export const formatDouble = (value: number): string => (Object.is(value, -0) ? '-0' : goFloat(value));
