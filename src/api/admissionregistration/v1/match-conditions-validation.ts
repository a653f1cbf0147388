/** Match conditions of webhooks and policies (pkg/apis/admissionregistration/validation). */
import type { Pace, Steps } from '../../../std/pauses.ts';
import type { V1MatchCondition } from '../../gen/types.ts';
import { checkField } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, invalidField, requiredField, tooManyField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import {
  compileExpressionInSteps,
  ExpressionError,
  type ExpressionScope,
  expressionEnvironment,
  type ResultKind,
} from '../expressions/admission-expressions.ts';

const MOST_CONDITIONS = 64;

/** What is wrong with one expression, as a complaint about its field. `shown` is the value that the complaint names. */
export function* checkExpression(
  field: string,
  expression: string,
  check: { readonly scope: ExpressionScope; readonly result: ResultKind; readonly shown?: string },
  pace: Pace,
): Steps<FieldError[]> {
  try {
    yield* compileExpressionInSteps(expression, expressionEnvironment(check.scope), check.result, pace);
    return [];
  } catch (error) {
    if (error instanceof ExpressionError) return [invalidField(field, check.shown ?? expression, error.message)];
    throw error;
  }
}

export function* validateMatchConditions(
  conditions: readonly V1MatchCondition[] | undefined,
  path: string,
  scope: { readonly params: boolean },
  pace: Pace,
): Steps<FieldError[]> {
  if (!conditions?.length) return [];
  const errors = conditions.length > MOST_CONDITIONS ? [tooManyField(path, conditions.length, MOST_CONDITIONS)] : [];
  const seen = new Set<string>();
  const check = { scope: { params: scope.params, authorizer: true }, result: 'bool' } as const;
  for (const [i, { name, expression }] of conditions.entries()) {
    const at = `${path}[${i}]`;
    const trimmed = (expression ?? '').trim();
    if (trimmed === '') errors.push(requiredField(`${at}.expression`));
    else addErrors(errors, yield* checkExpression(`${at}.expression`, trimmed, check, pace));
    if (name) addErrors(errors, checkField(`${at}.name`, name, checkQualifiedName));
    else errors.push(requiredField(`${at}.name`));
    if (name && seen.has(name)) errors.push(duplicateField(`${at}.name`, name));
    seen.add(name);
  }
  return errors;
}
