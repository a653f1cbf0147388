/** `"%s has %d".format([a, b])` as the second version of cel-go's strings has it (ext/formatting.go), which Kubernetes keeps. */
import { goQuote } from '../../../std/go-text.ts';
import { formatDouble } from '../numbers.ts';
import { formatCelDuration, formatTimestamp } from '../time-values.ts';
import {
  Duration,
  ErrorValue,
  ListValue,
  MapValue,
  Optional,
  Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';

/** What stands between the percent signs, and what is asked for there. */
export type FormatPart = string | { readonly verb: string; readonly precision: number | undefined };

const CLAUSE = /%(?:(%)|(?:\.(\d*))?([\s\S]?))|[^%]+/gu;
/** As many as JavaScript prints. */
const MOST_DIGITS = 100;
const DIGITS = 6;

export class FormatError extends Error {}
const fail = (message: string): never => {
  throw new FormatError(message);
};

const USES: Readonly<Record<string, string>> = {
  s: 'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
  d: 'decimal clause can only be used on integers',
  f: 'fixed-point clause can only be used on doubles',
  e: 'scientific clause can only be used on doubles',
  b: 'only integers and bools can be formatted as binary',
  o: 'octal clause can only be used on integers',
  x: 'only integers, byte buffers, and strings can be formatted as hex',
};

/** Why a value of the type cannot stand for a verb. */
export const wrongFormatType = (verb: string, typeName: string): string =>
  `error during formatting: ${USES[verb.toLowerCase()]}, was given ${typeName}`;

/**
 * Takes a format apart.
 *
 * @param count how many arguments there are
 * @throws FormatError in cel-go's words
 */
export function* formatParts(format: string, count: number): Generator<FormatPart> {
  let used = 0;
  for (const [text, percent, precision, verb = ''] of format.matchAll(CLAUSE)) {
    if (percent) yield '%';
    else if (!text.startsWith('%')) yield text;
    else {
      if (verb === '' && precision === undefined) fail('unexpected end of string');
      if (used++ >= count) fail(`index ${used - 1} out of range`);
      const unread = (why: string) => fail(`could not parse formatting clause: ${why}`);
      if (verb === '') unread('error while parsing precision: could not find end of precision specifier');
      if (precision === '')
        unread(
          'error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax',
        );
      if (!Object.hasOwn(USES, verb) && verb !== 'X') unread(`unrecognized formatting clause "${verb}"`);
      yield { verb, precision: precision === undefined ? undefined : Number(precision) };
    }
  }
}

export function formatString(format: string, args: ListValue): Value {
  let used = 0;
  try {
    let text = '';
    for (const part of formatParts(format, args.size))
      text += typeof part === 'string' ? part : formatClause(part.verb, part.precision, args.at(used++));
    return text;
  } catch (error) {
    if (error instanceof FormatError) return new ErrorValue(error.message);
    throw error;
  }
}

function formatClause(verb: string, precision: number | undefined, value: Value): string {
  const wrong = () => fail(wrongFormatType(verb, typeNameOf(value)));
  switch (verb) {
    case 's':
      return plain(value);
    case 'f':
    case 'e': {
      const number = doubleOf(value) ?? wrong();
      return verb === 'f' ? fixed(number, Math.min(precision ?? DIGITS, MOST_DIGITS)) : scientific(number);
    }
    case 'x':
      return hex(value) ?? wrong();
    case 'X':
      return (hex(value) ?? wrong()).toUpperCase();
    default: {
      if (verb === 'b' && typeof value === 'boolean') return value ? '1' : '0';
      const whole = integerOf(value) ?? wrong();
      return whole.toString(verb === 'b' ? 2 : verb === 'o' ? 8 : 10);
    }
  }
}

const NOT_FINITE: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function doubleOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && Object.hasOwn(NOT_FINITE, value) ? NOT_FINITE[value] : undefined;
}

function integerOf(value: Value): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return value instanceof Uint ? value.value : undefined;
}

function hex(value: Value): string | undefined {
  if (typeof value === 'string' || value instanceof Uint8Array) return Buffer.from(value as string).toString('hex');
  return integerOf(value)?.toString(16);
}

/** Numbers are shown as English pages show them. */
const notFinite = (number: number) => (Number.isNaN(number) ? 'NaN' : number > 0 ? '∞' : '-∞');

/** With commas between the thousands. */
function fixed(number: number, digits: number): string {
  if (!Number.isFinite(number)) return notFinite(number);
  const [whole = '', fraction] = toFixed(Math.abs(number), digits).split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return `${number < 0 ? '-' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** What lies between two goes to the even one, as in Go. */
function toFixed(size: number, digits: number): string {
  if (size >= 1e21) return `${BigInt(size)}${digits ? `.${'0'.repeat(digits)}` : ''}`;
  const exact = size.toFixed(Math.min(MOST_DIGITS, digits + 30));
  const end = exact.indexOf('.') + (digits ? digits + 1 : 0);
  const isTie = /^\.?50*$/.test(exact.slice(end)) && Number(exact) === size;
  return isTie && /[02468]\.?$/.test(exact.slice(0, end)) ? exact.slice(0, end) : size.toFixed(digits);
}

const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Always with six digits, whatever is asked for. */
function scientific(number: number): string {
  if (!Number.isFinite(number)) return notFinite(number);
  const [digits, exponent] = number.toExponential(DIGITS).split('e') as [string, string];
  const raised = exponent
    .slice(1)
    .padStart(2, '0')
    .replace(/\d/g, (digit) => RAISED[Number(digit)]!);
  return `${digits}×10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function plain(value: Value, depth = 0): string {
  if (depth > 250) return fail('value is nested too deep');
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatDouble(value);
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return bytesText(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatCelDuration(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof ListValue) return `[${[...value].map((item) => inside(item, depth + 1)).join(', ')}]`;
  if (value instanceof MapValue) {
    const entries = [...value.keys()].map((key) => [mapKey(key, depth + 1), inside(value.get(key)!, depth + 1)] as const);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map((entry) => entry.join(':'))
      .join(', ')}}`;
  }
  if (typeof value === 'object') return fail(wrongFormatType('s', typeNameOf(value)));
  return String(value);
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

function bytesText(value: Uint8Array): string {
  try {
    return UTF8.decode(value);
  } catch {
    return fail(
      'error during formatting: could not convert argument "invalid UTF-8 in bytes, cannot convert to string" to string',
    );
  }
}

/** Of a list or map: as an expression would say it. */
function inside(value: Value, depth: number): string {
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return (value < 0 || Object.is(value, -0) ? '-' : '') + toFixed(Math.abs(value), DIGITS);
    return goQuote(Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf');
  }
  if (value instanceof Timestamp) return `timestamp(${goQuote(formatTimestamp(new Timestamp(value.nanos)))})`;
  if (value instanceof Duration) return `duration(${goQuote(formatCelDuration(value))})`;
  if (value instanceof Uint8Array) return `b${goQuote(bytesText(value))}`;
  if (typeof value === 'string') return goQuote(value);
  if (value instanceof Optional || (typeof value === 'object' && value !== null && !isShown(value)))
    return fail(`error during formatting: no formatting function for ${typeNameOf(value)}`);
  return plain(value, depth);
}

const isShown = (value: object) =>
  value instanceof Uint || value instanceof TypeValue || value instanceof ListValue || value instanceof MapValue;

function mapKey(key: Value, depth: number): string {
  if (typeof key === 'number')
    return fail(`error during formatting: no formatting function for map key of type ${typeNameOf(key)}`);
  return inside(key, depth);
}
