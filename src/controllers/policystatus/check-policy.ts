/** What a policy's expressions would make of the types that it is about (apiserver/pkg/admission/plugin/policy/validating/typechecking.go). Heavy to load. */
import {
  compileExpressionInSteps,
  compileVariables,
  compilingPace,
  ExpressionError,
  type ExpressionScope,
  expressionEnvironment,
} from '../../api/admissionregistration/expressions/admission-expressions.ts';
import type { Environment } from '../../api/cel/cel.ts';
import type { CelType } from '../../api/cel/types.ts';
import type { V1ExpressionWarning, V1ValidatingAdmissionPolicySpec } from '../../api/gen/types.ts';
import type { Steps } from '../../std/pauses.ts';

export interface CheckedType {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly type: CelType;
}

const COMPILATION = 'compilation failed: ';
const shown = ({ group, version, kind }: CheckedType) => `${group ? `${group}/${version}` : `/${version}`}, Kind=${kind}`;

/** Warnings about each expression, a line of them for each type that it does not fit. */
export function* checkPolicy(
  spec: V1ValidatingAdmissionPolicySpec,
  types: readonly CheckedType[],
  paramsType: CelType | undefined,
): Steps<V1ExpressionWarning[]> {
  const pace = compilingPace();
  const scopes: { readonly checked: CheckedType; readonly environment: Environment }[] = [];
  for (const checked of types) {
    const base: ExpressionScope = {
      // Of a kind that nobody knows, parameters may be anything.
      params: spec.paramKind !== undefined,
      authorizer: true,
      objectType: checked.type,
      ...(paramsType && { paramsType }),
    };
    const { scope } = yield* compileVariables(spec.variables ?? [], base, pace);
    scopes.push({ checked, environment: expressionEnvironment(scope) });
  }
  function* check(fieldRef: string, expression: string): Steps<V1ExpressionWarning[]> {
    const texts: string[] = [];
    for (const { checked, environment } of scopes) {
      try {
        yield* compileExpressionInSteps(expression, environment, 'any', pace);
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        texts.push(`${shown(checked)}: ${error.message.replace(COMPILATION, '')}\n`);
      }
    }
    return texts.length ? [{ fieldRef, warning: texts.join('\n') }] : [];
  }
  const warnings: V1ExpressionWarning[] = [];
  for (const [i, { expression, messageExpression = '' }] of (spec.validations ?? []).entries()) {
    warnings.push(...(yield* check(`spec.validations[${i}].expression`, expression)));
    if (messageExpression) warnings.push(...(yield* check(`spec.validations[${i}].messageExpression`, messageExpression)));
  }
  return warnings;
}
