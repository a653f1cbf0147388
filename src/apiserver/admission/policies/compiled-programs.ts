/** Expressions of policies, compiled when the policy is first met. Heavy to load: it brings the CEL engine. */
import {
  compileExpressionInSteps,
  ExpressionError,
  type ExpressionScope,
  expressionEnvironment,
  type ResultKind,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { ErrorValue, type Program, type Value } from '../../../api/cel/cel.ts';
import type { Pace, Steps } from '../../../std/pauses.ts';
import { type ExpressionRun, evaluationFailure } from '../matching/evaluate-expressions.ts';

export interface CompiledExpression {
  readonly expression: string;
  /** An error for what does not compile any more: it was stored by another version. */
  readonly program: Program | ExpressionError;
}

export function* compileOrKeepError(
  expression: string,
  scope: ExpressionScope,
  result: ResultKind,
  pace: Pace,
): Steps<CompiledExpression> {
  try {
    return { expression, program: yield* compileExpressionInSteps(expression, expressionEnvironment(scope), result, pace) };
  } catch (error) {
    if (error instanceof ExpressionError) return { expression, program: error };
    throw error;
  }
}

/** Why an expression has no value, in upstream's words. */
export class EvaluationFailure {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Rejects with OutOfBudget. */
export async function evaluateCompiled(run: ExpressionRun, compiled: CompiledExpression): Promise<Value | EvaluationFailure> {
  const { expression, program } = compiled;
  if (program instanceof ExpressionError) return new EvaluationFailure(`compilation error: ${program.message}`);
  const value = await run.evaluate(program);
  return value instanceof ErrorValue ? new EvaluationFailure(evaluationFailure(expression, value)) : value;
}
