/**
 * How upstream holds a quantity (apimachinery's quantity.go, amount.go): a number of 64 bits with a scale where the text is short
 * enough, else a decimal of any size. `isInteger` and `asApproximateFloat` answer from that, not from the value: `1000m` is no integer,
 * and of a decimal's float the last digits differ.
 */

/** `digits` × 10^`exponent`. */
export interface QuantityAmount {
  readonly digits: bigint;
  readonly exponent: number;
  /** Whether it is held in 64 bits. */
  readonly small: boolean;
}

const LARGEST = 2n ** 63n - 1n;
const LONGEST_SMALL = 18;
const DECIMAL = 'numkMGTPE';
const BINARY = 'KMGTPE';

const fits = (value: bigint): boolean => value <= LARGEST && value >= -LARGEST - 1n;
const small = (digits: bigint, exponent: number): QuantityAmount => ({ digits, exponent, small: true });

/** The amount of a text that is a quantity; `nano` is what it comes to in billionths. */
export function quantityAmount(text: string, nano: bigint): QuantityAmount {
  const [, sign, whole = '', fraction = '', suffix = ''] = /^([+-]?)0*(\d*)(?:\.(\d*))?(.*)$/s.exec(text)!;
  const [exponent, factor] = suffix.endsWith('i') ? [0, binaryFactor(suffix, whole, fraction)] : [decimalExponent(suffix), 1n];
  const shift = exponent - fraction.length;
  // Leading noughts are not counted, but one digit is there always.
  const length = Math.max(whole.length, 1) + fraction.length;
  if (factor !== undefined && length <= LONGEST_SMALL && shift >= -9) {
    const digits = BigInt(`${whole}${fraction}` || '0') * factor;
    if (fits(digits)) return small(sign === '-' ? -digits : digits, shift);
  }
  return { digits: nano, exponent: -9, small: false };
}

/** Undefined: too large for the 64 bits by upstream's estimate. */
function binaryFactor(suffix: string, whole: string, fraction: string): bigint | undefined {
  const bits = 10 * (BINARY.indexOf(suffix[0]!) + 1);
  const room = 15 - Math.max(whole.length, 1) - Math.trunc((bits * 3) / 10) - 1;
  return fraction === '' && room >= 0 ? 2n ** BigInt(bits) : undefined;
}

function decimalExponent(suffix: string): number {
  if (/^[eE]./.test(suffix)) return Number(suffix.slice(1));
  if (suffix === '') return 0;
  const place = DECIMAL.indexOf(suffix);
  return place < 3 ? 3 * place - 9 : 3 * (place - 2);
}

export const wholeAmount = (value: bigint): QuantityAmount => small(value, 0);

/** The sum, in 64 bits as long as both are and it is. */
export function addAmounts(a: QuantityAmount, b: QuantityAmount): QuantityAmount {
  const bothSmall = a.small && b.small;
  if (bothSmall && b.digits === 0n) return a;
  if (bothSmall && a.digits === 0n) return b;
  const exponent = Math.min(a.exponent, b.exponent);
  const [left, right] = [scaled(a, exponent), scaled(b, exponent)];
  const digits = left + right;
  return { digits, exponent, small: bothSmall && fits(left) && fits(right) && fits(digits) };
}

export const negateAmount = (amount: QuantityAmount): QuantityAmount => ({ ...amount, digits: -amount.digits });

/** What is raised further is no number of 64 bits, and as a float it is infinite. */
const LARGEST_SHIFT = 1000;

const scaled = ({ digits, exponent }: QuantityAmount, to: number): bigint =>
  digits === 0n ? 0n : digits * 10n ** BigInt(Math.min(exponent - to, LARGEST_SHIFT));

/** The whole number that it is, if upstream sees that it is one. */
export function integerOf({ digits, exponent, small: held }: QuantityAmount): bigint | undefined {
  if (!held || exponent < 0) return undefined;
  // No digit but nought would fit.
  if (exponent > LONGEST_SMALL) return digits === 0n ? 0n : undefined;
  const value = digits * 10n ** BigInt(exponent);
  return fits(value) ? value : undefined;
}

export const floatOf = ({ digits, exponent }: QuantityAmount): number =>
  exponent === 0 ? Number(digits) : Number(digits) * Number(`1e${exponent}`);
