/** What a policy's expressions would make of the types that it is about (apiserver/pkg/admission/plugin/policy/validating/typechecking.go). Heavy to load. */
import {
  compileExpression,
  compileVariables,
  ExpressionError,
  type ExpressionScope,
  expressionEnvironment,
} from '../../api/admissionregistration/expressions/admission-expressions.ts';
import type { CelType } from '../../api/cel/types.ts';
import type { V1ExpressionWarning, V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';
import { Pace, type Steps } from '../../std/pauses.ts';

export interface CheckedType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly type: CelType;
}

/** Characters of expressions that are compiled between two pauses: some milliseconds. */
const COMPILED = 20_000;

const COMPILATION = 'compilation failed: ';
const shown = ({ group, version, kind }: CheckedType) => `${group ? `${group}/${version}` : `/${version}`}, Kind=${kind}`;

/** Warnings about each expression, a line of them for each type that it does not fit. */
export function* checkPolicy(
  spec: V1ValidatingAdmissionPolicySpec,
  types: readonly CheckedType[],
  paramsType: CelType | undefined,
): Steps<V1ExpressionWarning[]> {
  const scopes = types.map((checked) => {
    const base: ExpressionScope = {
      // Of a kind that nobody knows, parameters may be anything.
      params: spec.paramKind !== undefined,
      authorizer: true,
      objectType: checked.type,
      ...(paramsType && { paramsType }),
    };
    return { checked, environment: expressionEnvironment(compileVariables(spec.variables ?? [], base).scope) };
  });
  const check = (fieldRef: string, expression: string): V1ExpressionWarning[] => {
    const texts = scopes.flatMap(({ checked, environment }) => {
      try {
        compileExpression(expression, environment, 'any');
        return [];
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        return [`${shown(checked)}: ${error.message.replace(COMPILATION, '')}\n`];
      }
    });
    return texts.length ? [{ fieldRef, warning: texts.join('\n') }] : [];
  };
  const warnings: V1ExpressionWarning[] = [];
  const pace = new Pace(COMPILED);
  for (const [i, { expression, messageExpression = '' }] of (spec.validations ?? []).entries()) {
    warnings.push(...check(`spec.validations[${i}].expression`, expression));
    if (messageExpression) warnings.push(...check(`spec.validations[${i}].messageExpression`, messageExpression));
    if (pace.due(scopes.length * (expression.length + messageExpression.length))) yield;
  }
  return warnings;
}
