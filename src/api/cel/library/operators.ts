/** Arithmetic, comparison, membership and access (cel-spec, "Standard Definitions"; cel-go common/stdlib). */
import { countedOverload, declare, type FunctionDeclaration, overload } from '../declarations.ts';
import { compareValues, contains, equalValues } from '../equality.ts';
import { intOrError, uintOrError } from '../numbers.ts';
import { durationOrError, timestampOrError } from '../time-values.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  optionalOf,
  parameter,
  STRING,
  TIMESTAMP,
  UINT,
} from '../types.ts';
import {
  type Duration,
  ErrorValue,
  hashKey,
  type ListValue,
  type MapValue,
  Optional,
  type Timestamp,
  Uint,
  type Value,
} from '../values.ts';
import { concatenate } from './concatenate.ts';

const A = parameter('A');
const B = parameter('B');
const LIST_A = listOf(A);
const MAP_AB = mapOf(A, B);

const DIVISION = 'division by zero';
const MODULUS = 'modulus by zero';

const arithmetic: readonly FunctionDeclaration[] = [
  declare(
    '_+_',
    overload('add_int64', [INT, INT], INT, (a: bigint, b: bigint) => intOrError(a + b)),
    overload('add_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => uintOrError(a.value + b.value)),
    overload('add_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a + b),
    overload('add_string', [STRING, STRING], STRING, (a: string, b: string) => a + b),
    overload('add_bytes', [BYTES, BYTES], BYTES, (a: Uint8Array, b: Uint8Array) => new Uint8Array(Buffer.concat([a, b]))),
    countedOverload('add_list', [LIST_A, LIST_A], LIST_A, ([a, b]: readonly ListValue[], work) => concatenate(a!, b!, work)),
    overload('add_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) =>
      timestampOrError(a.nanos + b.nanos, a.offsetSeconds),
    ),
    overload('add_duration_timestamp', [DURATION, TIMESTAMP], TIMESTAMP, (a: Duration, b: Timestamp) =>
      timestampOrError(a.nanos + b.nanos, b.offsetSeconds),
    ),
    overload('add_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) =>
      durationOrError(a.nanos + b.nanos),
    ),
  ),
  declare(
    '_-_',
    overload('subtract_int64', [INT, INT], INT, (a: bigint, b: bigint) => intOrError(a - b)),
    overload('subtract_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => uintOrError(a.value - b.value)),
    overload('subtract_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a - b),
    overload('subtract_timestamp_timestamp', [TIMESTAMP, TIMESTAMP], DURATION, (a: Timestamp, b: Timestamp) =>
      durationOrError(a.nanos - b.nanos),
    ),
    overload('subtract_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) =>
      timestampOrError(a.nanos - b.nanos, a.offsetSeconds),
    ),
    overload('subtract_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) =>
      durationOrError(a.nanos - b.nanos),
    ),
  ),
  declare(
    '_*_',
    overload('multiply_int64', [INT, INT], INT, (a: bigint, b: bigint) => intOrError(a * b)),
    overload('multiply_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) => uintOrError(a.value * b.value)),
    overload('multiply_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a * b),
  ),
  declare(
    '_/_',
    overload('divide_int64', [INT, INT], INT, (a: bigint, b: bigint) =>
      b === 0n ? new ErrorValue(DIVISION) : intOrError(a / b),
    ),
    overload('divide_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) =>
      b.value === 0n ? new ErrorValue(DIVISION) : new Uint(a.value / b.value),
    ),
    overload('divide_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a / b),
  ),
  declare(
    '_%_',
    overload('modulo_int64', [INT, INT], INT, (a: bigint, b: bigint) => (b === 0n ? new ErrorValue(MODULUS) : a % b)),
    overload('modulo_uint64', [UINT, UINT], UINT, (a: Uint, b: Uint) =>
      b.value === 0n ? new ErrorValue(MODULUS) : new Uint(a.value % b.value),
    ),
  ),
  declare(
    '-_',
    overload('negate_int64', [INT], INT, (a: bigint) => intOrError(-a)),
    overload('negate_double', [DOUBLE], DOUBLE, (a: number) => -a),
  ),
  declare(
    '!_',
    overload('logical_not', [BOOL], BOOL, (a: boolean) => !a),
  ),
];

const ORDERED: readonly (readonly [string, CelType])[] = [
  ['bool', BOOL],
  ['int64', INT],
  ['uint64', UINT],
  ['double', DOUBLE],
  ['string', STRING],
  ['bytes', BYTES],
  ['timestamp', TIMESTAMP],
  ['duration', DURATION],
];
const NUMBERS = ORDERED.slice(1, 4);

function ordering(name: string, id: string, holds: (order: number) => boolean): FunctionDeclaration {
  const compare = (a: Value, b: Value): Value => {
    const order = compareValues(a, b);
    return order instanceof ErrorValue ? order : holds(order);
  };
  const mixed = NUMBERS.flatMap(([left, a]) =>
    NUMBERS.filter(([right]) => right !== left).map((other) => [left, a, other] as const),
  );
  return declare(
    name,
    ...ORDERED.map(([type, of]) => overload(`${id}_${type}`, [of, of], BOOL, compare)),
    ...mixed.map(([left, a, [right, b]]) => overload(`${id}_${left}_${right}`, [a, b], BOOL, compare)),
  );
}

function element(list: ListValue, index: Value): Value {
  const at = typeof index === 'bigint' ? index : index instanceof Uint ? index.value : wholeOf(index);
  if (at === undefined) return new ErrorValue(`unsupported index type 'double' in list`);
  return at < 0n || at >= BigInt(list.size) ? new ErrorValue(`index out of bounds: ${at}`) : list.at(Number(at));
}

const wholeOf = (value: Value): bigint | undefined =>
  typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : undefined;

function shownKey(key: Value): string {
  return key instanceof Uint ? String(key.value) : String(key as bigint);
}

const entry = (map: MapValue, key: Value): Value => {
  if (hashKey(key) === undefined) return new ErrorValue('unsupported key type');
  const found = map.get(key);
  return found === undefined ? new ErrorValue(`no such key: ${shownKey(key)}`) : found;
};

const maybe = (value: Value): Value => (value instanceof ErrorValue ? new Optional() : new Optional(value));
const within = (outer: Optional, get: (inner: Value) => Value): Value =>
  outer.value === undefined ? outer : maybe(get(outer.value));

const access: readonly FunctionDeclaration[] = [
  declare(
    '_[_]',
    overload('index_list', [LIST_A, INT], A, element),
    overload('index_map', [MAP_AB, A], B, entry),
    overload('optional_list_index_int', [optionalOf(LIST_A), INT], optionalOf(A), (outer: Optional, index: Value) =>
      within(outer, (list) => element(list as ListValue, index)),
    ),
    overload('optional_map_index_value', [optionalOf(MAP_AB), A], optionalOf(B), (outer: Optional, key: Value) =>
      within(outer, (map) => entry(map as MapValue, key)),
    ),
  ),
  declare(
    '_[?_]',
    overload('list_optindex_optional_int', [LIST_A, INT], optionalOf(A), (list: ListValue, index: Value) =>
      maybe(element(list, index)),
    ),
    overload('optional_list_optindex_optional_int', [optionalOf(LIST_A), INT], optionalOf(A), (outer: Optional, index: Value) =>
      within(outer, (list) => element(list as ListValue, index)),
    ),
    overload('map_optindex_optional_value', [MAP_AB, A], optionalOf(B), (map: MapValue, key: Value) => maybe(entry(map, key))),
    overload('optional_map_optindex_optional_value', [optionalOf(MAP_AB), A], optionalOf(B), (outer: Optional, key: Value) =>
      within(outer, (map) => entry(map as MapValue, key)),
    ),
  ),
  declare(
    '@in',
    countedOverload('in_list', [A, LIST_A], BOOL, ([wanted, list]: readonly Value[], work) =>
      contains(list as ListValue, wanted!, work),
    ),
    overload('in_map', [A, MAP_AB], BOOL, (wanted: Value, map: MapValue) => map.get(wanted) !== undefined),
  ),
];

/** What the evaluator itself runs is declared here for the checker; `call` serves where no short cut is needed. */
const control: readonly FunctionDeclaration[] = [
  declare(
    '_==_',
    countedOverload('equals', [A, A], BOOL, ([a, b]: readonly Value[], work) => equalValues(a!, b!, work)),
  ),
  declare(
    '_!=_',
    countedOverload('not_equals', [A, A], BOOL, ([a, b]: readonly Value[], work) => !equalValues(a!, b!, work)),
  ),
  declare(
    '_&&_',
    overload('logical_and', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a && b),
  ),
  declare(
    '_||_',
    overload('logical_or', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a || b),
  ),
  declare(
    '_?_:_',
    overload('conditional', [BOOL, A, A], A, (test: boolean, yes: Value, no: Value) => (test ? yes : no)),
  ),
  declare(
    '@not_strictly_false',
    overload('not_strictly_false', [BOOL], BOOL, (a: Value) => a !== false),
  ),
  declare(
    'dyn',
    overload('to_dyn', [A], DYN, (a: Value) => a),
  ),
];

export const operators: readonly FunctionDeclaration[] = [
  ...arithmetic,
  ordering('_<_', 'less', (order) => order < 0),
  ordering('_<=_', 'less_equals', (order) => order <= 0),
  ordering('_>_', 'greater', (order) => order > 0),
  ordering('_>=_', 'greater_equals', (order) => order >= 0),
  ...access,
  ...control,
];
