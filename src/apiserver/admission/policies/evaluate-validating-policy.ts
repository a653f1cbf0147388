/** What a ValidatingAdmissionPolicy says of one request (apiserver/pkg/admission/plugin/policy/validating/validator.go). Heavy to load. */
import {
  type CompiledVariable,
  compileVariables,
  compilingPace,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { typeNameOf, type Value } from '../../../api/cel/values.ts';
import type { V1AuditAnnotation, V1ValidatingAdmissionPolicySpec, V1Validation } from '../../../api/gen/types.ts';
import type { StatusReason } from '../../../api/machinery/status-error.ts';
import type { Steps } from '../../../std/pauses.ts';
import { type ExpressionInput, ExpressionRun, OutOfBudget, REQUEST_BUDGET } from '../matching/evaluate-expressions.ts';
import {
  type CompiledCondition,
  ConditionFailure,
  type ConditionsOf,
  compileConditions,
  conditionsHold,
} from '../matching/match-conditions.ts';
import { type CompiledExpression, compileOrKeepError, EvaluationFailure, evaluateCompiled } from './compiled-programs.ts';

const LONGEST_MESSAGE_BYTES = 5 * 1024;

interface CompiledValidation {
  readonly validation: V1Validation;
  readonly check: CompiledExpression;
  readonly message: CompiledExpression | undefined;
}
interface CompiledAnnotation {
  readonly annotation: V1AuditAnnotation;
  readonly value: CompiledExpression;
}
export interface CompiledValidatingPolicy {
  readonly failurePolicy: string;
  readonly conditions: readonly CompiledCondition[];
  readonly variables: readonly CompiledVariable[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly CompiledAnnotation[];
}

/** A validation that failed, or could not be made and counts as failed. */
export interface Denial {
  /** Of the validation within the policy. */
  readonly index: number;
  readonly message: string;
  readonly reason: StatusReason;
}
export interface Verdict {
  readonly denials: readonly Denial[];
  readonly annotations: readonly { readonly key: string; readonly value: string }[];
  /** Annotations that could not be made, where that denies the request. */
  readonly annotationErrors: readonly string[];
  /** Why expressions have no value, where that denies nothing. */
  readonly ignored: readonly string[];
}

/** With pauses: a policy may have megabytes of expressions. */
export function* compileValidatingPolicy(spec: V1ValidatingAdmissionPolicySpec): Steps<CompiledValidatingPolicy> {
  const pace = compilingPace();
  const params = spec.paramKind !== undefined;
  const { compiled: variables, scope } = yield* compileVariables(spec.variables ?? [], { params, authorizer: true }, pace);
  const conditions = yield* compileConditions(spec.matchConditions, { params }, pace);
  const validations: CompiledValidation[] = [];
  for (const validation of spec.validations ?? []) {
    const { expression, messageExpression } = validation;
    const check = yield* compileOrKeepError(expression, scope, 'bool', pace);
    const inMessages = { ...scope, authorizer: false };
    const message = messageExpression ? yield* compileOrKeepError(messageExpression, inMessages, 'string', pace) : undefined;
    validations.push({ validation, check, message });
  }
  const annotations: CompiledAnnotation[] = [];
  for (const annotation of spec.auditAnnotations ?? []) {
    const value = yield* compileOrKeepError(annotation.valueExpression.trim(), scope, 'string-or-null', pace);
    annotations.push({ annotation, value });
  }
  return { failurePolicy: spec.failurePolicy ?? 'Fail', conditions, variables, validations, annotations };
}

const NOTHING: Verdict = { denials: [], annotations: [], annotationErrors: [], ignored: [] };

/** Never rejects for anything in the expressions: what fails is a denial, or nothing where the failure policy is `Ignore`. */
export async function evaluateValidatingPolicy(
  policy: CompiledValidatingPolicy,
  given: Omit<ExpressionInput, 'variables'>,
  of?: ConditionsOf,
): Promise<Verdict> {
  const input = { ...given, variables: policy.variables };
  const ignore = policy.failurePolicy === 'Ignore';
  const failed = (message: string): Verdict =>
    ignore ? { ...NOTHING, ignored: [message] } : { ...NOTHING, denials: [{ index: 0, message, reason: '' }] };
  try {
    if (!(await conditionsHold(policy.conditions, input, of))) return NOTHING;
    const { denials, ignored } = await validate(policy, input, ignore);
    // Nor can annotations ask the authorizer.
    const annotating = new ExpressionRun({ ...input, decisions: undefined }, REQUEST_BUDGET);
    return { denials, ignored, ...(await annotate(policy, annotating, ignore)) };
  } catch (error) {
    if (error instanceof ConditionFailure || error instanceof OutOfBudget) return failed(error.message);
    throw error;
  }
}

/** All validations are evaluated first, and the messages on what they have left of the budget. Rejects with OutOfBudget. */
async function validate(
  { validations }: CompiledValidatingPolicy,
  input: ExpressionInput,
  ignore: boolean,
): Promise<Pick<Verdict, 'denials' | 'ignored'>> {
  const run = new ExpressionRun(input, REQUEST_BUDGET);
  const values: (Value | EvaluationFailure)[] = [];
  for (const { check } of validations) values.push(await evaluateCompiled(run, check));
  // Upstream makes the messages of requests too that nothing is wrong with.
  if (values.every((value) => value === true)) return { denials: [], ignored: [] };
  const ignored: string[] = [];
  const messages = await messagesOf(validations, new ExpressionRun({ ...input, decisions: undefined }, run.budget));
  const failed = (index: number, message: string): Denial[] => {
    if (!ignore) return [{ index, message, reason: '' }];
    ignored.push(message);
    return [];
  };
  const denials = values.flatMap((value, index): Denial[] => {
    if (value instanceof EvaluationFailure) return failed(index, value.message);
    if (messages instanceof OutOfBudget) return failed(index, `failed messageExpression: ${messages.message}`);
    if (value === true) return [];
    const { validation } = validations[index]!;
    const message = messages[index] || (validation.message ?? '').trim() || `failed expression: ${validation.expression.trim()}`;
    return [{ index, message, reason: (validation.reason as StatusReason | undefined) ?? 'Invalid' }];
  });
  return { denials, ignored };
}

/** Of every validation, whether it needs one or not. */
async function messagesOf(validations: readonly CompiledValidation[], run: ExpressionRun): Promise<string[] | OutOfBudget> {
  const messages: string[] = [];
  try {
    for (const { message } of validations) messages.push(await evaluatedMessage(run, message));
    return messages;
  } catch (error) {
    if (error instanceof OutOfBudget) return error;
    throw error;
  }
}

/** Empty when there is none that can be shown. */
async function evaluatedMessage(run: ExpressionRun, compiled: CompiledExpression | undefined): Promise<string> {
  if (!compiled) return '';
  const value = await evaluateCompiled(run, compiled);
  if (typeof value !== 'string') return '';
  const message = value.trim();
  return Buffer.byteLength(message) > LONGEST_MESSAGE_BYTES || message.includes('\n') ? '' : message;
}

async function annotate(
  { annotations }: CompiledValidatingPolicy,
  run: ExpressionRun,
  ignore: boolean,
): Promise<Pick<Verdict, 'annotations' | 'annotationErrors'>> {
  const made: { key: string; value: string }[] = [];
  const errors: string[] = [];
  for (const { annotation, value: compiled } of annotations) {
    const value = await evaluateCompiled(run, compiled);
    if (value instanceof EvaluationFailure) {
      if (!ignore) errors.push(value.message);
    } else if (typeof value === 'string') {
      if (value.trim()) made.push({ key: annotation.key, value: value.trim() });
    } else if (value !== null)
      errors.push(
        `valueExpression '${annotation.valueExpression}' resulted in unsupported return type: ${typeNameOf(value)}. Return type must be either string or null.`,
      );
  }
  return { annotations: made, annotationErrors: errors };
}
