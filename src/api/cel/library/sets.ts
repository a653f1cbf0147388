/** Lists taken as sets (cel-go ext/sets.go). */
import { countedOverload, declare, type FunctionDeclaration } from '../declarations.ts';
import { contains } from '../equality.ts';
import { BOOL, listOf, parameter } from '../types.ts';
import type { ListValue } from '../values.ts';
import type { Work } from '../work.ts';

const LIST = listOf(parameter('T'));
const includes = (list: ListValue, part: ListValue, work: Work) => [...part].every((item) => contains(list, item, work));

const ofTwo = (id: string, holds: (a: ListValue, b: ListValue, work: Work) => boolean) =>
  countedOverload(id, [LIST, LIST], BOOL, ([a, b]: readonly ListValue[], work) => holds(a!, b!, work));

export const setFunctions: readonly FunctionDeclaration[] = [
  declare('sets.contains', ofTwo('list_sets_contains_list', includes)),
  declare(
    'sets.equivalent',
    ofTwo('list_sets_equivalent_list', (a, b, work) => includes(a, b, work) && includes(b, a, work)),
  ),
  declare(
    'sets.intersects',
    ofTwo('list_sets_intersects_list', (a, b, work) => [...a].some((item) => contains(b, item, work))),
  ),
];
