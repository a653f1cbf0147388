/** `matches`, and Kubernetes' `find` and `findAll` (apiserver/pkg/cel/library/regex.go). */
import { CodedError } from '../../../std/coded-error.ts';
import { declare, type FunctionDeclaration, member, type Overload, overload } from '../declarations.ts';
import type { Steps } from '../pattern-search.ts';
import { compileRegularExpression, type RegularExpression } from '../regular-expression.ts';
import { BOOL, type CelType, INT, listOf, STRING } from '../types.ts';
import { ErrorValue, PlainList, type Value } from '../values.ts';
import { MOST_WORK, type Work } from '../work.ts';

type Use = (expression: RegularExpression, text: string, steps: Steps, ...rest: never[]) => Value;

/** Instructions of a pattern that are followed for one part of a value that is looked at. */
const STEPS_PER_WORK = 1;

function compileOrError(pattern: Value): RegularExpression | ErrorValue {
  try {
    return compileRegularExpression(pattern as string);
  } catch (error) {
    if (error instanceof CodedError) return new ErrorValue(error.message);
    throw error;
  }
}

/** What matching takes is counted, and must not be more than what an evaluation has left. */
function useCounted(use: Use, expression: RegularExpression, [text, , ...rest]: readonly Value[], work: Work): Value {
  const steps = { taken: 0, most: Math.max(0, MOST_WORK + 1 - work.done) * STEPS_PER_WORK };
  try {
    return use(expression, text as string, steps, ...(rest as never[]));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return new ErrorValue(error.message);
  } finally {
    work.done += Math.ceil(steps.taken / STEPS_PER_WORK);
  }
}

/** A pattern that is a constant is compiled once. */
function withPattern(made: Overload, use: Use): Overload {
  const apply = (expression: RegularExpression | ErrorValue, args: readonly Value[], work: Work) =>
    expression instanceof ErrorValue ? expression : useCounted(use, expression, args, work);
  return {
    ...made,
    prepare: ([, pattern]) => {
      if (typeof pattern !== 'string') return (args, work) => apply(compileOrError(args[1]!), args, work);
      const expression = compileOrError(pattern);
      return expression instanceof ErrorValue ? expression : (args, work) => apply(expression, args, work);
    },
  };
}

const unused = () => false;
const onMember = (id: string, params: readonly CelType[], result: CelType, use: Use) =>
  withPattern(member(id, params, result, unused), use);

const matches: Use = (expression, text, steps) => expression.test(text, steps);
const findAll: Use = (expression, text, steps, limit: bigint = -1n) =>
  new PlainList(expression.findAll(text, Number(limit > 1_000_000_000n ? -1n : limit), steps));

export const regexFunctions: readonly FunctionDeclaration[] = [
  declare(
    'matches',
    withPattern(overload('matches', [STRING, STRING], BOOL, unused), matches),
    onMember('matches_string', [STRING, STRING], BOOL, matches),
  ),
  declare(
    'find',
    onMember('string_find_string', [STRING, STRING], STRING, (expression, text, steps) => expression.find(text, steps) ?? ''),
  ),
  declare(
    'findAll',
    onMember('string_find_all_string', [STRING, STRING], listOf(STRING), findAll),
    onMember('string_find_all_string_int', [STRING, STRING, INT], listOf(STRING), findAll),
  ),
];
