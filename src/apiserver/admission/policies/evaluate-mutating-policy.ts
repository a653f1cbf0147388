/** What a MutatingAdmissionPolicy makes of an object (apiserver/pkg/admission/plugin/policy/mutating/patch). Heavy to load. */
import {
  type CompiledVariable,
  compileVariables,
  type ExpressionScope,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { typeOfKind } from '../../../api/apply/built-in-type.ts';
import { mergeInto } from '../../../api/apply/merge.ts';
import { isAtomic, type ObjectType } from '../../../api/apply/object-type.ts';
import { misplacedTypes, NotJson, toJson } from '../../../api/cel/to-json.ts';
import { ListValue, MapValue, type Value } from '../../../api/cel/values.ts';
import type { V1MutatingAdmissionPolicySpec } from '../../../api/gen/types.ts';
import { isJsonMap } from '../../../api/machinery/clone.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { StatusError } from '../../../api/machinery/status-error.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import { type ExpressionInput, ExpressionRun, OutOfBudget, REQUEST_BUDGET } from '../matching/evaluate-expressions.ts';
import { type CompiledCondition, compileConditions } from '../matching/match-conditions.ts';
import { type CompiledExpression, compileOrKeepError, EvaluationFailure, evaluateCompiled } from './compiled-programs.ts';

export interface CompiledMutation {
  readonly type: 'ApplyConfiguration' | 'JSONPatch';
  readonly expression: CompiledExpression;
}
export interface CompiledMutatingPolicy {
  readonly conditions: readonly CompiledCondition[];
  readonly variables: readonly CompiledVariable[];
  readonly mutations: readonly CompiledMutation[];
}

export function compileMutatingPolicy(spec: V1MutatingAdmissionPolicySpec): CompiledMutatingPolicy {
  const params = spec.paramKind !== undefined;
  const base: ExpressionScope = { params, authorizer: true, patchTypes: true };
  const { compiled: variables, scope } = compileVariables(spec.variables ?? [], base);
  return {
    conditions: compileConditions(spec.matchConditions, { params }),
    variables,
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) =>
      patchType === 'JSONPatch'
        ? { type: 'JSONPatch', expression: compileOrKeepError(jsonPatch?.expression ?? '', scope, 'json-patch') }
        : { type: 'ApplyConfiguration', expression: compileOrKeepError(applyConfiguration?.expression ?? '', scope, 'object') },
    ),
  };
}

/** Why a mutation was not made: what the failure policy is about. */
export class MutationFailure extends Error {}

/** The object after one mutation. Rejects with a MutationFailure. */
export async function mutate(
  mutation: CompiledMutation,
  input: ExpressionInput & { readonly object: DynamicObject },
): Promise<unknown> {
  const value = await evaluate(mutation, input);
  try {
    return mutation.type === 'JSONPatch' ? patched(input.object, value) : applied(input.kind, input.object, value);
  } catch (error) {
    if (error instanceof NotJson) throw new MutationFailure(error.message);
    throw error;
  }
}

async function evaluate({ expression }: CompiledMutation, input: ExpressionInput): Promise<Value> {
  try {
    const value = await evaluateCompiled(new ExpressionRun(input, REQUEST_BUDGET), expression);
    if (value instanceof EvaluationFailure) throw new MutationFailure(value.message);
    return value;
  } catch (error) {
    if (error instanceof OutOfBudget) throw new MutationFailure(error.message);
    throw error;
  }
}

function patched(object: DynamicObject, value: Value): unknown {
  if (!(value instanceof ListValue))
    throw new MutationFailure('type mismatch: JSONPatchType.expression should evaluate to array');
  const operations = [...value].map(operationOf);
  try {
    return applyJsonPatch(object, operations);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // A test that fails means that there is nothing to do.
    if (operations.some(({ op }) => op === 'test') && /test/i.test(String((error.cause as Error | undefined)?.message)))
      return object;
    throw new MutationFailure(`JSONPath: ${(error.cause as Error | undefined)?.message ?? error.message}`);
  }
}

function operationOf(operation: Value): Record<string, unknown> {
  if (!(operation instanceof MapValue))
    throw new MutationFailure('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  const value = operation.get('value');
  if (value instanceof MapValue && value.typeName?.startsWith('Object')) {
    const wrong = misplacedTypes(value, value.typeName);
    if (wrong.length) throw new MutationFailure(`type mismatch: ${wrong.join('\n')}`);
  }
  const text = (name: string) => operation.get(name) ?? '';
  const from = text('from');
  return {
    op: text('op'),
    path: text('path'),
    ...(from !== '' && { from }),
    ...(value !== undefined && { value: toJson(value) }),
  };
}

function applied(kind: KindDefinition, object: DynamicObject, value: Value): unknown {
  const wrong = misplacedTypes(value, 'Object');
  if (wrong.length) throw new MutationFailure(`type mismatch: ${wrong.join('\n')}`);
  const configuration = toJson(value);
  if (!isJsonMap(configuration)) throw new MutationFailure('invalid return type');
  const type = typeOfKind(kind);
  const whole = { ...configuration, apiVersion: object.apiVersion, kind: object.kind };
  const atomics = atomicParts(type, whole, '');
  if (atomics.length)
    throw new MutationFailure(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`,
    );
  return mergeInto(type, object, whole);
}

/** Paths of lists, maps and structures that could only be replaced as a whole. */
function atomicParts(type: ObjectType, value: unknown, path: string): string[] {
  if (type.form === 'scalar') return [];
  if (Array.isArray(value)) {
    if (type.form !== 'list') return [];
    const inner = type.element();
    return [...(isAtomic(type) ? [path] : []), ...value.flatMap((item, i) => atomicParts(inner, item, `${path}[${i}]`))];
  }
  if (!isJsonMap(value) || type.form === 'list') return [];
  const own = isAtomic(type) && path !== '' ? [path] : [];
  return [
    ...own,
    ...Object.entries(value).flatMap(([key, item]) => {
      const inner = type.form === 'map' ? type.element() : type.fields.get(key)?.type();
      return inner ? atomicParts(inner, item, `${path}.${key}`) : [];
    }),
  ];
}
