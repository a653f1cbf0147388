import { exactJsonText, isExactInteger } from '../../std/exact-json.ts';
import { canonicalQuantity } from './quantity.ts';
import type { ScalarName } from './schema.ts';
import { canonicalMicroTime, canonicalTime } from './time-text.ts';

/** What Go's decoder would say; the caller puts it into a Status. */
export class DecodeFailure extends Error {
  /** The value that is of another type than the Go type of its place; undefined for what fails otherwise. */
  readonly mismatch: { readonly value: unknown; readonly goType: string } | undefined;

  constructor(message: string, mismatch?: { readonly value: unknown; readonly goType: string }) {
    super(message);
    this.name = 'DecodeFailure';
    this.mismatch = mismatch;
  }
}

const GO_TYPES: Readonly<Record<ScalarName, string>> = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
  time: 'string',
  'micro-time': 'string',
  bytes: '[]uint8',
  quantity: 'resource.Quantity',
  'int-or-string': 'int32',
  any: 'interface {}',
};

export const goScalarType = (name: ScalarName): string => GO_TYPES[name];

/** Go's zero value; undefined where it is written as null. */
export function zeroScalar(name: ScalarName): unknown {
  switch (name) {
    case 'string':
    case 'bytes':
      return '';
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0;
    case 'time':
    case 'micro-time':
    case 'any':
      return undefined;
  }
}

/** `string`, `object`, …, or `number 1.5` when it is a number that the type cannot hold. */
export function describeValue(value: unknown, goType: string): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number' || typeof value === 'bigint')
    return goType.startsWith('int') ? `number ${digitsOf(value)}` : 'number';
  return typeof value;
}

/** As it was written, as far as a double knows. */
const digitsOf = (value: number | bigint) => (Number.isInteger(value) && Math.abs(Number(value)) < 1e21 ? BigInt(value) : value);

const isInteger = (value: unknown, least: number, most: number) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

const INT32 = 2 ** 31;

/** The value in canonical form; undefined when it has the wrong JSON type. Throws a DecodeFailure for texts that do not parse. */
export function decodeScalar(name: ScalarName, value: unknown): unknown {
  switch (name) {
    case 'string':
      return typeof value === 'string' ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'int32':
      return isInteger(value, -INT32, INT32 - 1) ? value : undefined;
    case 'int64':
      // Numbers that are not exact were none of 64 bits.
      return isExactInteger(value) ? value : undefined;
    case 'double':
      return typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? value : undefined;
    case 'time':
      return decodeTime(value, canonicalTime, '2006-01-02T15:04:05Z07:00');
    case 'micro-time':
      return decodeTime(value, canonicalMicroTime, '2006-01-02T15:04:05.000000Z07:00');
    case 'bytes':
      return typeof value === 'string' ? decodeBase64(value) : undefined;
    case 'quantity':
      return decodeQuantity(value);
    case 'int-or-string':
      return typeof value === 'string' || isInteger(value, -INT32, INT32 - 1) ? value : wrongValue(value, 'int32');
    case 'any':
      return value;
  }
}

/** Types with a decoder of their own do not know which field they are in. */
function wrongValue(value: unknown, goType: string): never {
  throw new DecodeFailure(`json: cannot unmarshal ${describeValue(value, goType)} into Go value of type ${goType}`);
}

function decodeTime(value: unknown, canonical: (text: string) => string | undefined, layout: string): string {
  if (typeof value !== 'string') return wrongValue(value, 'string');
  const time = canonical(value);
  if (time !== undefined) return time;
  const shown = exactJsonText(value);
  throw new DecodeFailure(
    `parsing time ${shown} as ${JSON.stringify(layout)}: cannot parse ${shown} as ${JSON.stringify(layout.slice(0, 4))}`,
  );
}

function decodeQuantity(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? value : exactJsonText(value);
  try {
    return canonicalQuantity(text);
  } catch (error) {
    throw new DecodeFailure((error as Error).message);
  }
}

/** Together with a length of whole groups of four. One class repeated: groups would take a hundred times as long for megabytes. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Line breaks inside are allowed and dropped, as Go does. */
function decodeBase64(text: string): string {
  const joined = /[\r\n]/.test(text) ? text.replace(/[\r\n]/g, '') : text;
  if (joined.length % 4 !== 0 || !BASE64.test(joined)) {
    const bad = /[^A-Za-z0-9+/]/.exec(joined.replace(/={1,2}$/, ''));
    throw new DecodeFailure(`illegal base64 data at input byte ${bad?.index ?? joined.length - (joined.length % 4)}`);
  }
  return joined;
}
