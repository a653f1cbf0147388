/** Conversions between types, sizes, and the plain tests of strings (cel-spec, "Standard Definitions"). */
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { formatDouble, intOrError, truncated, uintOrError } from '../numbers.ts';
import {
  durationOrError,
  formatCelDuration,
  formatTimestamp,
  parseCelDuration,
  parseTimestamp,
  timestampOrError,
} from '../time-values.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  INT,
  listOf,
  mapOf,
  parameter,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
} from '../types.ts';
import {
  codePointCount,
  type Duration,
  ErrorValue,
  type ListValue,
  type MapValue,
  type Timestamp,
  TypeValue,
  typeNameOf,
  Uint,
  type Value,
} from '../values.ts';

const A = parameter('A');
const SECOND = 1_000_000_000n;

const same = (value: Value): Value => value;
const identity = (name: string, type: CelType) => overload(`${name}_to_${name}`, [type], type, same);
const cannot = (type: string): ErrorValue => new ErrorValue(`type conversion error from 'string' to '${type}'`);
const integerText = (text: string): bigint | undefined =>
  /^[+-]?\d{1,30}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;

const conversions: readonly FunctionDeclaration[] = [
  declare(
    'int',
    identity('int64', INT),
    overload('uint64_to_int64', [UINT], INT, ({ value }: Uint) => intOrError(value)),
    overload('double_to_int64', [DOUBLE], INT, (value: number) => truncated(value, false) ?? new ErrorValue('integer overflow')),
    overload('string_to_int64', [STRING], INT, (text: string) => {
      const value = integerText(text);
      return value === undefined ? cannot('int') : intOrError(value);
    }),
    overload('timestamp_to_int64', [TIMESTAMP], INT, ({ nanos }: Timestamp) =>
      nanos >= 0n ? nanos / SECOND : -((-nanos + SECOND - 1n) / SECOND),
    ),
    overload('duration_to_int64', [DURATION], INT, ({ nanos }: Duration) => nanos),
  ),
  declare(
    'uint',
    identity('uint64', UINT),
    overload('int64_to_uint64', [INT], UINT, (value: bigint) => uintOrError(value)),
    overload('double_to_uint64', [DOUBLE], UINT, (value: number) => {
      const whole = truncated(value, true);
      return whole === undefined ? new ErrorValue('unsigned integer overflow') : new Uint(whole);
    }),
    overload('string_to_uint64', [STRING], UINT, (text: string) => {
      const value = integerText(text);
      return value === undefined || /^[+-]/.test(text) ? cannot('uint') : uintOrError(value);
    }),
  ),
  declare(
    'double',
    identity('double', DOUBLE),
    overload('int64_to_double', [INT], DOUBLE, (value: bigint) => Number(value)),
    overload('uint64_to_double', [UINT], DOUBLE, ({ value }: Uint) => Number(value)),
    overload('string_to_double', [STRING], DOUBLE, (text: string) => {
      if (/^[+-]?(?:inf|infinity|nan)$/i.test(text))
        return /nan/i.test(text) ? Number.NaN : text.startsWith('-') ? -Infinity : Infinity;
      return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : cannot('double');
    }),
  ),
  declare(
    'string',
    identity('string', STRING),
    overload('bool_to_string', [BOOL], STRING, (value: boolean) => String(value)),
    overload('int64_to_string', [INT], STRING, (value: bigint) => String(value)),
    overload('uint64_to_string', [UINT], STRING, ({ value }: Uint) => String(value)),
    overload('double_to_string', [DOUBLE], STRING, (value: number) => formatDouble(value)),
    overload('bytes_to_string', [BYTES], STRING, (value: Uint8Array) => {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value);
      } catch {
        // Not UTF-8, and that is all there is to say.
        return new ErrorValue('invalid UTF-8 in bytes, cannot convert to string');
      }
    }),
    overload('timestamp_to_string', [TIMESTAMP], STRING, (value: Timestamp) => formatTimestamp(value)),
    overload('duration_to_string', [DURATION], STRING, (value: Duration) => formatCelDuration(value)),
  ),
  declare(
    'bytes',
    identity('bytes', BYTES),
    overload('string_to_bytes', [STRING], BYTES, (text: string) => new TextEncoder().encode(text)),
  ),
  declare(
    'bool',
    identity('bool', BOOL),
    overload('string_to_bool', [STRING], BOOL, (text: string) => {
      if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
      return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : cannot('bool');
    }),
  ),
  declare(
    'timestamp',
    identity('timestamp', TIMESTAMP),
    overload('int64_to_timestamp', [INT], TIMESTAMP, (seconds: bigint) => timestampOrError(seconds * SECOND)),
    overload(
      'string_to_timestamp',
      [STRING],
      TIMESTAMP,
      (text: string) => parseTimestamp(text) ?? cannot('google.protobuf.Timestamp'),
    ),
  ),
  declare(
    'duration',
    identity('duration', DURATION),
    overload('int64_to_duration', [INT], DURATION, (nanos: bigint) => durationOrError(nanos)),
    overload(
      'string_to_duration',
      [STRING],
      DURATION,
      (text: string) => parseCelDuration(text) ?? cannot('google.protobuf.Duration'),
    ),
  ),
  declare(
    'type',
    overload('type', [A], typeOf(A), (value: Value) => new TypeValue(typeNameOf(value))),
  ),
];

const sizes: readonly (readonly [string, CelType, (value: never) => number])[] = [
  ['string', STRING, (text: string) => codePointCount(text)],
  ['bytes', BYTES, (bytes: Uint8Array) => bytes.length],
  ['list', listOf(A), (list: ListValue) => list.size],
  ['map', mapOf(A, parameter('B')), (map: MapValue) => map.size],
];

/** `size(x)` and `x.size()`. */
const size = declare(
  'size',
  ...sizes.flatMap(([name, type, count]) => [
    overload(`size_${name}`, [type], INT, (value: never) => BigInt(count(value))),
    member(`${name}_size`, [type], INT, (value: never) => BigInt(count(value))),
  ]),
);

const stringTests: readonly FunctionDeclaration[] = [
  declare(
    'contains',
    member('contains_string', [STRING, STRING], BOOL, (text: string, part: string) => text.includes(part)),
  ),
  declare(
    'startsWith',
    member('starts_with_string', [STRING, STRING], BOOL, (text: string, part: string) => text.startsWith(part)),
  ),
  declare(
    'endsWith',
    member('ends_with_string', [STRING, STRING], BOOL, (text: string, part: string) => text.endsWith(part)),
  ),
];

export const conversionFunctions: readonly FunctionDeclaration[] = [...conversions, size, ...stringTests];

/** Conversions of constants are made once, when an expression is compiled, and cost nothing. */
export const FOLDABLE: ReadonlySet<string> = new Set([
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'bool',
  'timestamp',
  'duration',
  'dyn',
  'type',
]);
