/** Lists: Kubernetes' own functions (apiserver/pkg/cel/library/lists.go) and cel-go's (ext/lists.go). */
import { countedMember, declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { compareValues, equalValues } from '../equality.ts';
import { intOrError, uintOrError } from '../numbers.ts';
import { durationOrError } from '../time-values.ts';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, INT, listOf, parameter, STRING, TIMESTAMP, UINT } from '../types.ts';
import { Duration, ErrorValue, ListValue, PlainList, Uint, type Value } from '../values.ts';
import type { Work } from '../work.ts';

const T = parameter('T');
const LIST = listOf(T);
const COMPARABLE: readonly (readonly [string, CelType])[] = [
  ['int', INT],
  ['uint', UINT],
  ['double', DOUBLE],
  ['bool', BOOL],
  ['duration', DURATION],
  ['timestamp', TIMESTAMP],
  ['string', STRING],
  ['bytes', BYTES],
];
const SUMMED: readonly (readonly [string, CelType, Value])[] = [
  ['int', INT, 0n],
  ['uint', UINT, new Uint(0n)],
  ['double', DOUBLE, 0],
  ['duration', DURATION, new Duration(0n)],
];

function isSorted(list: ListValue): Value {
  for (let i = 1; i < list.size; i++) {
    const order = compareValues(list.at(i - 1), list.at(i));
    if (order instanceof ErrorValue) return order;
    if (order > 0) return false;
  }
  return true;
}

function plus(a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return intOrError(a + b);
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (a instanceof Uint && b instanceof Uint) return uintOrError(a.value + b.value);
  if (a instanceof Duration && b instanceof Duration) return durationOrError(a.nanos + b.nanos);
  return new ErrorValue('no such overload');
}

function sum(list: ListValue, zero: Value): Value {
  let total = zero;
  for (const item of list) {
    total = plus(total, item);
    if (total instanceof ErrorValue) return total;
  }
  return total;
}

function extreme(list: ListValue, sign: 1 | -1): Value {
  if (list.size === 0) return new ErrorValue(`${sign < 0 ? 'min' : 'max'} called on empty list`);
  let best = list.at(0);
  for (const item of list) {
    const order = compareValues(item, best);
    if (order instanceof ErrorValue) return order;
    if (order === sign) best = item;
  }
  return best;
}

function position(list: ListValue, wanted: Value, backwards: boolean, work: Work): Value {
  for (let i = 0; i < list.size; i++) {
    const at = backwards ? list.size - 1 - i : i;
    if (equalValues(list.at(at), wanted, work)) return BigInt(at);
  }
  return -1n;
}

function sort(list: ListValue, keys: ListValue): Value {
  const order = Array.from({ length: list.size }, (_, i) => i);
  let failed: ErrorValue | undefined;
  order.sort((a, b) => {
    const compared = compareValues(keys.at(a), keys.at(b));
    if (!(compared instanceof ErrorValue)) return compared;
    failed = new ErrorValue('list elements must have the same type');
    return 0;
  });
  return failed ?? new PlainList(order.map((i) => list.at(i)));
}

function slice(list: ListValue, start: bigint, end: bigint): Value {
  if (start < 0n || end < 0n) return new ErrorValue(`cannot slice(${start}, ${end}), negative indexes not supported`);
  if (start > end) return new ErrorValue(`cannot slice(${start}, ${end}), start index must be less than or equal to end index`);
  if (end > BigInt(list.size)) return new ErrorValue(`cannot slice(${start}, ${end}), list is length ${list.size}`);
  return new PlainList([...list].slice(Number(start), Number(end)));
}

const DEEPEST_FLATTENING = 100n;
function flatten(list: ListValue, depth = 1n): Value {
  if (depth < 0n) return new ErrorValue('level must be non-negative');
  const flat = (items: Iterable<Value>, left: bigint): Value[] =>
    [...items].flatMap((item) => (item instanceof ListValue && left > 0n ? flat(item, left - 1n) : [item]));
  return new PlainList(flat(list, depth > DEEPEST_FLATTENING ? DEEPEST_FLATTENING : depth));
}

/** Costs nothing in cel-go's rules but its result, so it is kept short. */
const LONGEST_RANGE = 100_000n;
function numbers(count: bigint): Value {
  if (count > LONGEST_RANGE) return new ErrorValue(`lists.range: ${count} is too many`);
  return new PlainList(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i)));
}

function distinct(list: ListValue, work: Work): Value {
  const kept: Value[] = [];
  for (const item of list) if (!kept.some((other) => equalValues(item, other, work))) kept.push(item);
  return new PlainList(kept);
}

const placeOf = (id: string, backwards: boolean) =>
  countedMember(id, [LIST, T], INT, ([list, wanted]: readonly Value[], work) =>
    position(list as ListValue, wanted!, backwards, work),
  );

export const listFunctions: readonly FunctionDeclaration[] = [
  declare('isSorted', ...COMPARABLE.map(([name, of]) => member(`list_${name}_is_sorted_bool`, [listOf(of)], BOOL, isSorted))),
  declare(
    'sum',
    ...SUMMED.map(([name, of, zero]) =>
      member(`list_${name}_sum_${name}`, [listOf(of)], of, (list: ListValue) => sum(list, zero)),
    ),
  ),
  declare(
    'min',
    ...COMPARABLE.map(([name, of]) =>
      member(`list_${name}_min_${name}`, [listOf(of)], of, (list: ListValue) => extreme(list, -1)),
    ),
  ),
  declare(
    'max',
    ...COMPARABLE.map(([name, of]) =>
      member(`list_${name}_max_${name}`, [listOf(of)], of, (list: ListValue) => extreme(list, 1)),
    ),
  ),
  declare('indexOf', placeOf('list_a_index_of_int', false)),
  declare('lastIndexOf', placeOf('list_a_last_index_of_int', true)),
  declare(
    'distinct',
    countedMember('list_distinct', [LIST], LIST, ([list]: readonly ListValue[], work) => distinct(list!, work)),
  ),
  declare(
    'reverse',
    member('list_reverse', [LIST], LIST, (list: ListValue) => new PlainList([...list].reverse())),
  ),
  declare('slice', member('list_slice', [LIST, INT, INT], LIST, slice)),
  declare(
    'sort',
    ...COMPARABLE.map(([name, of]) =>
      member(`list_${name}_sort`, [listOf(of)], listOf(of), (list: ListValue) => sort(list, list)),
    ),
  ),
  declare(
    '@sortByAssociatedKeys',
    ...COMPARABLE.map(([name, of]) => member(`list_${name}_sortByAssociatedKeys`, [LIST, listOf(of)], LIST, sort)),
  ),
  declare(
    'flatten',
    member('list_flatten', [listOf(LIST)], LIST, flatten),
    member('list_flatten_int', [listOf(parameter('D')), INT], listOf(parameter('E')), flatten),
  ),
  declare('lists.range', overload('lists_range', [INT], listOf(INT), numbers)),
];
