/** `matches`, and Kubernetes' `find` and `findAll` (apiserver/pkg/cel/library/regex.go). */
import { CodedError } from '../../../std/coded-error.ts';
import { declare, type FunctionDeclaration, member, type Overload, overload } from '../declarations.ts';
import { compileRegularExpression, type RegularExpression } from '../regular-expression.ts';
import { BOOL, type CelType, INT, listOf, STRING } from '../types.ts';
import { ErrorValue, PlainList, type Value } from '../values.ts';

type Use = (expression: RegularExpression, text: string, ...rest: never[]) => Value;

function compileOrError(pattern: Value): RegularExpression | ErrorValue {
  try {
    return compileRegularExpression(pattern as string);
  } catch (error) {
    if (error instanceof CodedError) return new ErrorValue(error.message);
    throw error;
  }
}

function useOrError(use: Use, expression: RegularExpression, text: string, rest: readonly Value[]): Value {
  const why = expression.tooCostly(text);
  return why === undefined ? use(expression, text, ...(rest as never[])) : new ErrorValue(why);
}

/** A pattern that is a constant is compiled once. */
function withPattern(made: Overload, use: Use): Overload {
  const apply = (expression: RegularExpression | ErrorValue, text: Value, rest: readonly Value[]) =>
    expression instanceof ErrorValue ? expression : useOrError(use, expression, text as string, rest);
  return {
    ...made,
    call: (text, pattern, ...rest) => apply(compileOrError(pattern!), text!, rest),
    prepare: ([, pattern]) => {
      if (typeof pattern !== 'string') return undefined;
      const expression = compileOrError(pattern);
      if (expression instanceof ErrorValue) return expression;
      return (text, _, ...rest) => apply(expression, text!, rest);
    },
  };
}

const unused = () => false;
const onMember = (id: string, params: readonly CelType[], result: CelType, use: Use) =>
  withPattern(member(id, params, result, unused), use);

const matches: Use = (expression, text) => expression.test(text);
const findAll: Use = (expression, text, limit: bigint = -1n) =>
  new PlainList(expression.findAll(text, Number(limit > 1_000_000_000n ? -1n : limit)));

export const regexFunctions: readonly FunctionDeclaration[] = [
  declare(
    'matches',
    withPattern(overload('matches', [STRING, STRING], BOOL, unused), matches),
    onMember('matches_string', [STRING, STRING], BOOL, matches),
  ),
  declare(
    'find',
    onMember('string_find_string', [STRING, STRING], STRING, (expression, text) => expression.find(text) ?? ''),
  ),
  declare(
    'findAll',
    onMember('string_find_all_string', [STRING, STRING], listOf(STRING), findAll),
    onMember('string_find_all_string_int', [STRING, STRING, INT], listOf(STRING), findAll),
  ),
];
