/** `"%s has %d".format([a, b])` (cel-go ext/formatting.go). */
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

const CLAUSE = /%(?:\.(\d+))?([\s\S]?)/g;
const MOST_DIGITS = 100;

class FormatError extends Error {}
const fail = (message: string): never => {
  throw new FormatError(message);
};

export function formatString(format: string, args: ListValue): Value {
  let used = 0;
  try {
    const text = format.replace(CLAUSE, (_, precision: string | undefined, verb: string) => {
      if (verb === '%' && precision === undefined) return '%';
      if (verb === '') return fail('unexpected end of string');
      if (used >= args.size) return fail(`index ${used} out of range`);
      return formatClause(verb, precision === undefined ? undefined : Math.min(Number(precision), MOST_DIGITS), args.at(used++));
    });
    return used < args.size
      ? new ErrorValue(`too many arguments supplied to string.format (expected ${used}, got ${args.size})`)
      : text;
  } catch (error) {
    if (error instanceof FormatError) return new ErrorValue(`could not parse formatting clause: ${error.message}`);
    throw error;
  }
}

function formatClause(verb: string, precision: number | undefined, value: Value): string {
  switch (verb) {
    case 's':
      return plain(value, 0);
    case 'd':
      return whole(value, 'd', 10);
    case 'b':
      return typeof value === 'boolean' ? (value ? '1' : '0') : whole(value, 'b', 2);
    case 'o':
      return whole(value, 'o', 8);
    case 'x':
      return hex(value);
    case 'X':
      return hex(value).toUpperCase();
    case 'f':
      return decimal(value, 'f', (number) => fixed(number, precision ?? 6));
    case 'e':
      return decimal(value, 'e', (number) =>
        number.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`),
      );
    default:
      return fail(`unrecognized formatting clause "${verb}"`);
  }
}

/** What lies between two goes to the even one, as in Go. */
function fixed(number: number, digits: number): string {
  const scaled = number * 10 ** digits;
  const tie = Math.abs(scaled) < 2 ** 50 && Number.isInteger(scaled * 2) && !Number.isInteger(scaled);
  return tie ? ((2 * Math.round(scaled / 2)) / 10 ** digits).toFixed(digits) : number.toFixed(digits);
}

const notFinite = (number: number) => (Number.isNaN(number) ? 'NaN' : number > 0 ? 'Infinity' : '-Infinity');

function whole(value: Value, verb: string, radix: number): string {
  if (typeof value === 'number' && !Number.isFinite(value) && verb === 'd') return notFinite(value);
  if (typeof value === 'bigint') return value.toString(radix);
  if (value instanceof Uint) return value.value.toString(radix);
  const kinds = verb === 'b' ? 'integers and bools' : 'integers';
  return fail(
    `error during formatting: ${verb === 'd' ? 'decimal' : verb === 'b' ? 'binary' : 'octal'} clause can only be used on ${kinds}, was given ${typeNameOf(value)}`,
  );
}

function hex(value: Value): string {
  if (typeof value === 'bigint') return value.toString(16);
  if (value instanceof Uint) return value.value.toString(16);
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return fail(
    `error during formatting: only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`,
  );
}

function decimal(value: Value, verb: string, show: (number: number) => string): string {
  const number = typeof value === 'bigint' ? Number(value) : value instanceof Uint ? Number(value.value) : value;
  if (typeof number !== 'number')
    return fail(
      `error during formatting: ${verb === 'f' ? 'fixed-point' : 'scientific'} clause can only be used on doubles, was given ${typeNameOf(value)}`,
    );
  return Number.isFinite(number) ? show(number) : notFinite(number);
}

function plain(value: Value, depth: number): string {
  if (depth > 250) return fail('value is nested too deep');
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? formatDouble(value) : notFinite(value);
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatCelDuration(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof ListValue) return `[${[...value].map((item) => plain(item, depth + 1)).join(', ')}]`;
  if (value instanceof MapValue) {
    const entries = [...value.keys()].map((key) => `${plain(key, depth + 1)}: ${plain(value.get(key)!, depth + 1)}`);
    return `{${entries.sort().join(', ')}}`;
  }
  if (typeof value === 'object' && !(value instanceof Optional))
    return fail(
      `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
    );
  return String(value);
}
