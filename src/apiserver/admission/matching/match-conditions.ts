/** Match conditions of webhooks and policies (apiserver/pkg/admission/plugin/webhook/matchconditions). Heavy to load. */
import {
  compileExpressionInSteps,
  compilingPace,
  ExpressionError,
  expressionEnvironment,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { ErrorValue, type Program } from '../../../api/cel/cel.ts';
import type { V1MatchCondition } from '../../../api/gen/types.ts';
import type { Pace, Steps } from '../../../std/pauses.ts';
import type { AdmissionMetrics } from '../../metrics/admission-metrics.ts';
import {
  type ExpressionInput,
  ExpressionRun,
  evaluationFailure,
  MATCH_CONDITIONS_BUDGET,
  OutOfBudget,
} from './evaluate-expressions.ts';

export interface CompiledCondition {
  readonly expression: string;
  readonly program: Program | ExpressionError;
}

export function* compileConditions(
  conditions: readonly V1MatchCondition[] = [],
  scope: { readonly params: boolean },
  pace: Pace = compilingPace(),
): Steps<CompiledCondition[]> {
  const compiled: CompiledCondition[] = [];
  const environment = expressionEnvironment({ params: scope.params, authorizer: true });
  for (const { expression } of conditions) {
    try {
      const program = yield* compileExpressionInSteps(expression.trim(), environment, 'bool', pace);
      compiled.push({ expression, program });
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      compiled.push({ expression, program: error });
    }
  }
  return compiled;
}

/** What went wrong with conditions of which none is false. */
export class ConditionFailure extends Error {}

/** Whose conditions are looked at, for the metrics. */
export interface ConditionsOf {
  readonly metrics: AdmissionMetrics | undefined;
  readonly name: string;
  readonly kind: 'webhook' | 'policy';
  readonly type: 'admit' | 'validate';
}

/**
 * Whether all conditions hold: one that is false decides, whatever else fails. Rejects with a ConditionFailure otherwise.
 * Conditions see no namespace, as upstream's.
 */
export async function conditionsHold(
  conditions: readonly CompiledCondition[],
  input: ExpressionInput,
  of?: ConditionsOf,
): Promise<boolean> {
  if (!conditions.length) return true;
  const startMs = performance.now();
  const failures: string[] = [];
  let excluded = false;
  try {
    excluded = !(await evaluateAll(conditions, input, failures));
  } finally {
    const { operation } = input.attributes;
    if (of) {
      const { metrics, ...named } = of;
      const seconds = (performance.now() - startMs) / 1000;
      metrics?.conditions({ ...named, operation, seconds, errors: failures.length });
    }
  }
  if (excluded) return false;
  if (failures.length) throw new ConditionFailure(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
  return true;
}

/** Resolves to false at the first that is. */
async function evaluateAll(
  conditions: readonly CompiledCondition[],
  input: ExpressionInput,
  failures: string[],
): Promise<boolean> {
  const run = new ExpressionRun({ ...input, namespace: undefined }, MATCH_CONDITIONS_BUDGET);
  for (const { expression, program } of conditions) {
    if (program instanceof ExpressionError) {
      failures.push(`compilation error: ${program.message}`);
      continue;
    }
    const value = await run.evaluate(program).catch((error: unknown) => {
      if (error instanceof OutOfBudget) throw new ConditionFailure(error.message);
      throw error;
    });
    if (value === false) return false;
    if (value instanceof ErrorValue) failures.push(evaluationFailure(expression, value));
  }
  return true;
}
