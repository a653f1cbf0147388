/** Match conditions of webhooks and policies (pkg/apis/admissionregistration/validation). */
import type { V1MatchCondition } from '../../gen/types.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, invalidField, requiredField, tooManyField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import {
  compileExpression,
  ExpressionError,
  type ExpressionScope,
  expressionEnvironment,
  type ResultKind,
} from '../expressions/admission-expressions.ts';

const MOST_CONDITIONS = 64;

/** What is wrong with one expression, as a complaint about its field. `shown` is the value that the complaint names. */
export function checkExpression(
  field: string,
  expression: string,
  check: { readonly scope: ExpressionScope; readonly result: ResultKind; readonly shown?: string },
): FieldError[] {
  try {
    compileExpression(expression, expressionEnvironment(check.scope), check.result);
    return [];
  } catch (error) {
    if (error instanceof ExpressionError) return [invalidField(field, check.shown ?? expression, error.message)];
    throw error;
  }
}

export function validateMatchConditions(
  conditions: readonly V1MatchCondition[] | undefined,
  path: string,
  scope: { readonly params: boolean },
): FieldError[] {
  if (!conditions?.length) return [];
  const errors = conditions.length > MOST_CONDITIONS ? [tooManyField(path, conditions.length, MOST_CONDITIONS)] : [];
  const seen = new Set<string>();
  addErrors(
    errors,
    checkEach(conditions, path, ({ name, expression }, at) => {
      const wrong: FieldError[] = [];
      const trimmed = (expression ?? '').trim();
      if (trimmed === '') wrong.push(requiredField(`${at}.expression`));
      else
        addErrors(
          wrong,
          checkExpression(`${at}.expression`, trimmed, { scope: { params: scope.params, authorizer: true }, result: 'bool' }),
        );
      if (!name) return [...wrong, requiredField(`${at}.name`)];
      addErrors(wrong, checkField(`${at}.name`, name, checkQualifiedName));
      if (seen.has(name)) wrong.push(duplicateField(`${at}.name`, name));
      seen.add(name);
      return wrong;
    }),
  );
  return errors;
}
