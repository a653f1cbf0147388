/** Lists taken as sets (cel-go ext/sets.go). */
import { declare, type FunctionDeclaration, overload } from '../declarations.ts';
import { contains } from '../equality.ts';
import { BOOL, listOf, parameter } from '../types.ts';
import type { ListValue } from '../values.ts';

const LIST = listOf(parameter('T'));
const includes = (list: ListValue, part: ListValue) => [...part].every((item) => contains(list, item));

export const setFunctions: readonly FunctionDeclaration[] = [
  declare('sets.contains', overload('list_sets_contains_list', [LIST, LIST], BOOL, includes)),
  declare(
    'sets.equivalent',
    overload('list_sets_equivalent_list', [LIST, LIST], BOOL, (a: ListValue, b: ListValue) => includes(a, b) && includes(b, a)),
  ),
  declare(
    'sets.intersects',
    overload('list_sets_intersects_list', [LIST, LIST], BOOL, (a: ListValue, b: ListValue) =>
      [...a].some((item) => contains(b, item)),
    ),
  ),
];
