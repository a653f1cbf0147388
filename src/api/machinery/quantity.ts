/** Quantities (`100m`, `1.5Gi`, `3e3`): exact, in the canonical form and with the limits of apimachinery/pkg/api/resource. */
import { CodedError } from '../../std/coded-error.ts';

export type QuantityFormat = 'decimal' | 'binary' | 'exponent';

/** `nano` is the amount in billionths: upstream keeps nothing smaller. */
export interface Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
}

const NANO = 1_000_000_000n;
const LARGEST = (2n ** 63n - 1n) * NANO;

const DECIMAL_EXPONENTS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_POWERS: Readonly<Record<string, number>> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };
const DECIMAL_SUFFIXES = Object.fromEntries(Object.entries(DECIMAL_EXPONENTS).map(([suffix, exponent]) => [exponent, suffix]));
const BINARY_SUFFIXES = ['', ...Object.keys(BINARY_POWERS)];

/** Larger exponents are out of range whatever the digits, and need no big number to say so. */
const LARGEST_EXPONENT = 1000;
const LONGEST_TEXT = 512;

/** A sign, digits and a fraction, any of which may be missing, and what must be a suffix. */
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;
const fail = (message: string) => new CodedError(message, { code: 'QUANTITY_INVALID' });

/**
 * Throws QUANTITY_INVALID in upstream's words. Binary amounts beyond 2^63-1 become that; fractions of a billionth are rounded up. A text
 * without digits is nought as upstream reads it, unless its suffix is too large or too small for that.
 */
export function parseQuantity(text: string): Quantity {
  const shape = text !== '' && text.length <= LONGEST_TEXT ? SHAPE.exec(text) : null;
  if (!shape) throw fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  const [, sign, whole = '', fraction = ''] = shape;
  const suffix = parseSuffix(shape[4]!);
  if (!whole && !fraction && (suffix.factor >= 1024n ** 5n || suffix.exponent < -9))
    throw fail('unable to parse numeric part of quantity');
  const digits = BigInt(`${whole}${fraction}` || '0') * suffix.factor;
  const magnitude = scaleToNano(digits, suffix.exponent - fraction.length);
  const capped = suffix.format === 'binary' && magnitude > LARGEST ? LARGEST : magnitude;
  return { nano: sign === '-' ? -capped : capped, format: suffix.format };
}

interface Suffix {
  readonly factor: bigint;
  readonly exponent: number;
  readonly format: QuantityFormat;
}

function parseSuffix(suffix: string): Suffix {
  if (Object.hasOwn(DECIMAL_EXPONENTS, suffix)) return { factor: 1n, exponent: DECIMAL_EXPONENTS[suffix]!, format: 'decimal' };
  if (Object.hasOwn(BINARY_POWERS, suffix))
    return { factor: 1024n ** BigInt(BINARY_POWERS[suffix]!), exponent: 0, format: 'binary' };
  if (!/^[eE][-+]?\d+$/.test(suffix)) throw fail("unable to parse quantity's suffix");
  return { factor: 1n, exponent: Number(suffix.slice(1)), format: 'exponent' };
}

/** `digits` × 10^`exponent` in billionths, rounded away from zero. */
function scaleToNano(digits: bigint, exponent: number): bigint {
  if (digits === 0n) return 0n;
  const shift = exponent + 9;
  if (shift >= 0) return shift > LARGEST_EXPONENT ? LARGEST : digits * 10n ** BigInt(shift);
  if (-shift > LARGEST_EXPONENT) return 1n;
  const divisor = 10n ** BigInt(-shift);
  return (digits + divisor - 1n) / divisor;
}

/** Negative, zero or positive, as for sorting. */
export function compareQuantities(a: Quantity, b: Quantity): number {
  return a.nano < b.nano ? -1 : a.nano > b.nano ? 1 : 0;
}

/** The sum has the first one's format, unless that is zero. */
export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano + b.nano, format: a.nano === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nano: a.nano - b.nano, format: a.nano === 0n ? b.format : a.format };
}

/** Whole units, rounded away from zero. */
export function quantityValue({ nano }: Quantity): bigint {
  return divideAwayFromZero(nano, NANO);
}

/** Thousandths, rounded away from zero: CPU's usual measure. */
export function quantityMilliValue({ nano }: Quantity): bigint {
  return divideAwayFromZero(nano, NANO / 1000n);
}

function divideAwayFromZero(amount: bigint, divisor: bigint): bigint {
  const quotient = amount / divisor;
  if (quotient * divisor === amount) return quotient;
  return amount < 0n ? quotient - 1n : quotient + 1n;
}

/** The canonical text: no fraction, the largest suffix with which that works. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  if (format === 'binary' && nano % NANO === 0n) {
    const value = nano / NANO;
    if (value >= 1024n || value <= -1024n) return formatBinary(value);
  }
  return formatDecimal(nano, format === 'exponent');
}

function formatBinary(value: bigint): string {
  let mantissa = value;
  let power = 0;
  while (power < BINARY_SUFFIXES.length - 1 && mantissa % 1024n === 0n) {
    mantissa /= 1024n;
    power++;
  }
  return `${mantissa}${BINARY_SUFFIXES[power]}`;
}

function formatDecimal(nano: bigint, asExponent: boolean): string {
  let mantissa = nano;
  let exponent = -9;
  // There is no suffix above E, but there are exponents.
  while ((asExponent || exponent < 18) && mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    exponent += 3;
  }
  if (!asExponent) return `${mantissa}${DECIMAL_SUFFIXES[exponent]}`;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

/** Texts that are canonical already, as nearly all are; found without big numbers. */
const PLAINLY_CANONICAL = /^(?:0|[1-9]\d{0,17}(?<!000)|[1-9]\d{0,5}(?<!000)[mkMGT])$/;

/** The canonical text of a quantity as it may stand in JSON: a string or a bare number. Throws as `parseQuantity`. */
export function canonicalQuantity(value: string | number): string {
  const text = typeof value === 'number' ? String(value) : value.trim();
  return PLAINLY_CANONICAL.test(text) ? text : formatQuantity(parseQuantity(text));
}
