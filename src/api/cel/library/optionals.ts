/** Optional values: `self.?a.orValue(1)`, `optional.of(x)` (cel-go cel/library.go, OptionalTypes). */
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, listOf, optionalOf, parameter } from '../types.ts';
import { ErrorValue, ListValue, MapValue, Optional, PlainList, Timestamp, Uint, type Value } from '../values.ts';

const A = parameter('A');
const OPTIONAL = optionalOf(A);

function isZero(value: Value): boolean {
  if (value instanceof ListValue || value instanceof MapValue) return value.size === 0;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Optional) return value.value === undefined;
  if (value instanceof Timestamp) return false;
  return value === 0n || value === 0 || value === '' || value === false || value === null;
}

export const optionalFunctions: readonly FunctionDeclaration[] = [
  declare(
    'optional.of',
    overload('optional_of', [A], OPTIONAL, (value: Value) => new Optional(value)),
  ),
  declare(
    'optional.ofNonZeroValue',
    overload('optional_ofNonZeroValue', [A], OPTIONAL, (value: Value) => (isZero(value) ? new Optional() : new Optional(value))),
  ),
  declare(
    'optional.none',
    overload('optional_none', [], OPTIONAL, () => new Optional()),
  ),
  declare('optional.unwrap', overload('optional_unwrap', [listOf(OPTIONAL)], listOf(A), unwrapped)),
  declare('unwrapOpt', member('optional_unwrapOpt', [listOf(OPTIONAL)], listOf(A), unwrapped)),
  declare(
    'first',
    member('list_first', [listOf(A)], OPTIONAL, (list: ListValue) => new Optional(list.size > 0 ? list.at(0) : undefined)),
  ),
  declare(
    'last',
    member(
      'list_last',
      [listOf(A)],
      OPTIONAL,
      (list: ListValue) => new Optional(list.size > 0 ? list.at(list.size - 1) : undefined),
    ),
  ),
  declare(
    'hasValue',
    member('optional_hasValue', [OPTIONAL], BOOL, ({ value }: Optional) => value !== undefined),
  ),
  declare(
    'value',
    member('optional_value', [OPTIONAL], A, ({ value }: Optional) =>
      value === undefined ? new ErrorValue('optional.none() dereference') : value,
    ),
  ),
  declare(
    'or',
    member('optional_or_optional', [OPTIONAL, OPTIONAL], OPTIONAL, (first: Optional, second: Optional) =>
      first.value === undefined ? second : first,
    ),
  ),
  declare(
    'orValue',
    member('optional_orValue_value', [OPTIONAL, A], A, ({ value }: Optional, otherwise: Value) =>
      value === undefined ? otherwise : value,
    ),
  ),
];

function unwrapped(list: ListValue): Value {
  const values: Value[] = [];
  for (const item of list) if (item instanceof Optional && item.value !== undefined) values.push(item.value);
  return new PlainList(values);
}
