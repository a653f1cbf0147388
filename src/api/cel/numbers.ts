/** Numbers with the limits of 64 bits: what leaves them is an error. */
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
  if (unsigned ? whole < 0n || whole > UINT_MAX : whole <= INT_MIN || whole >= INT_MAX) return undefined;
  return whole;
}

/** As Go's strconv prints a float64 with 'g' and the shortest digits. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1]);
  if (exponent >= -4 && exponent < 21) return plainDecimal(value);
  const [digits, power] = value.toExponential().split('e') as [string, string];
  const size = power.slice(1).padStart(2, '0');
  return `${digits}e${power[0]}${size}`;
}

function plainDecimal(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  const digits = value.toExponential().split('e')[0]!.replace(/[-.]/g, '').length;
  return value.toFixed(Math.min(100, digits + 6)).replace(/0+$/, '');
}
