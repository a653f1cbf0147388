/** Which requests an authorizing webhook is asked about, by expressions. Heavy to load (it brings the CEL engine). */
import { compileExpression, ExpressionError } from '../../api/admissionregistration/expressions/admission-expressions.ts';
import { createEnvironment, type Environment, type Program } from '../../api/cel/cel.ts';
import { jsonValue } from '../../api/cel/json-values.ts';
import { type CelType, listOf, mapOf, objectOf, STRING } from '../../api/cel/types.ts';
import { ErrorValue } from '../../api/cel/values.ts';
import { duplicateField, invalidField, requiredField, tooManyField } from '../../api/machinery/field-error.ts';
import type { FieldError } from '../../api/machinery/status-error.ts';
import type { AuthorizationAttributes } from '../contracts.ts';
import { reviewSpecForExpressions } from './review-spec.ts';

/** Whether all conditions hold. Throws when some cannot be evaluated and none is false. */
export type ReviewConditions = (attributes: AuthorizationAttributes) => boolean;

const MOST_CONDITIONS = 64;

/** The fields of a SubjectAccessReview's spec that expressions see as `request` (apiserver/pkg/authorization/cel/compile.go). */
function environment(): Environment {
  const object = (name: string, fields: Readonly<Record<string, CelType>>) =>
    objectOf(`kubernetes.${name}`, new Map(Object.entries(fields)));
  const texts = (...names: string[]) => Object.fromEntries(names.map((name) => [name, STRING]));
  const requirement = object('SelectorRequirement', { ...texts('key', 'operator'), values: listOf(STRING) });
  const selector = { rawSelector: STRING, requirements: listOf(requirement) };
  const request = object('SubjectAccessReviewSpec', {
    ...texts('user', 'uid'),
    groups: listOf(STRING),
    extra: mapOf(STRING, listOf(STRING)),
    resourceAttributes: object('ResourceAttributes', {
      ...texts('namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'),
      fieldSelector: object('FieldSelectorAttributes', selector),
      labelSelector: object('LabelSelectorAttributes', selector),
    }),
    nonResourceAttributes: object('NonResourceAttributes', texts('path', 'verb')),
  });
  return createEnvironment({ variables: { request } });
}

/** Compiles conditions; `at` is the path of their list in what is told of those that are wrong. */
export function compileReviewConditions(
  expressions: readonly string[],
  at: string,
): { readonly holds: ReviewConditions; readonly errors: readonly FieldError[] } {
  const programs: Program[] = [];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const shared = environment();
  const compileOne = (expression: string, field: string) => {
    if (expression.trim() === '') return void errors.push(requiredField(field));
    if (seen.has(expression)) return void errors.push(duplicateField(field, expression));
    seen.add(expression);
    try {
      programs.push(compileExpression(expression, shared, 'bool'));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      errors.push(invalidField(field, expression, error.message));
    }
  };
  if (expressions.length > MOST_CONDITIONS) errors.push(tooManyField(at, expressions.length, MOST_CONDITIONS));
  else for (const [i, expression] of expressions.entries()) compileOne(expression, `${at}[${i}].expression`);
  return { holds: (attributes) => allHold(programs, attributes), errors };
}

function allHold(programs: readonly Program[], attributes: AuthorizationAttributes): boolean {
  const request = jsonValue(reviewSpecForExpressions(attributes));
  const failures: string[] = [];
  for (const program of programs) {
    const { value } = program.evaluate((name) => (name === 'request' ? request : undefined));
    if (value === false) return false;
    if (value instanceof ErrorValue)
      failures.push(`cel evaluation error: expression '${program.source}' resulted in error: ${value.message}`);
  }
  if (failures.length) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
  return true;
}
