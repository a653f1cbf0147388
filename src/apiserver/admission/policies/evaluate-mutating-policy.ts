/** What a MutatingAdmissionPolicy makes of an object (apiserver/pkg/admission/plugin/policy/mutating/patch). Heavy to load. */
import {
  type CompiledVariable,
  compileVariables,
  compilingPace,
  ExpressionError,
} from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { typeOfKind } from '../../../api/apply/built-in-type.ts';
import { checkConfiguration, joinErrors } from '../../../api/apply/check-configuration.ts';
import { mergeInto } from '../../../api/apply/merge.ts';
import { isAtomic, type ObjectType } from '../../../api/apply/object-type.ts';
import { type JsonSize, misplacedTypes, NotJson, toJson } from '../../../api/cel/to-json.ts';
import { ListValue, MapValue, type Value } from '../../../api/cel/values.ts';
import type { V1MutatingAdmissionPolicySpec } from '../../../api/gen/types.ts';
import { isJsonMap } from '../../../api/machinery/clone.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { StatusError } from '../../../api/machinery/status-error.ts';
import { applyJsonPatch, MOST_OPERATIONS } from '../../../api/patch/json-patch.ts';
import type { Steps } from '../../../std/pauses.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { type ExpressionInput, ExpressionRun, OutOfBudget, REQUEST_BUDGET } from '../matching/evaluate-expressions.ts';
import { type CompiledCondition, compileConditions } from '../matching/match-conditions.ts';
import { replaceObject } from '../matching/replace-object.ts';
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

/** With pauses: a policy may have megabytes of expressions. */
export function* compileMutatingPolicy(spec: V1MutatingAdmissionPolicySpec): Steps<CompiledMutatingPolicy> {
  const pace = compilingPace();
  const params = spec.paramKind !== undefined;
  // Only mutations may make objects and patches.
  const { compiled: variables, scope } = yield* compileVariables(spec.variables ?? [], { params, authorizer: true }, pace);
  const inMutations = { ...scope, patchTypes: true };
  const conditions = yield* compileConditions(spec.matchConditions, { params }, pace);
  const mutations: CompiledMutation[] = [];
  for (const { patchType, applyConfiguration, jsonPatch } of spec.mutations ?? []) {
    const type = patchType === 'JSONPatch' ? patchType : 'ApplyConfiguration';
    const [source, result] =
      type === 'JSONPatch' ? ([jsonPatch, 'json-patch'] as const) : ([applyConfiguration, 'object'] as const);
    mutations.push({ type, expression: yield* compileOrKeepError(source?.expression ?? '', inMutations, result, pace) });
  }
  return { conditions, variables, mutations };
}

/** Why a mutation was not made: what the failure policy is about. */
export class MutationFailure extends Error {}

type MutationInput = ExpressionInput & { readonly object: DynamicObject };

/** The object after one mutation. Rejects with a MutationFailure. */
export async function mutate(mutation: CompiledMutation, input: MutationInput): Promise<unknown> {
  const value = await evaluate(mutation, input);
  return mutation.type === 'JSONPatch' ? patched(input.object, value) : applied(input, value);
}

/** Puts what a mutation made into the place of the object. Rejects with a MutationFailure, or a 500 for what a patch made. */
export function putInPlace(
  { type }: CompiledMutation,
  attributes: AdmissionAttributes,
  made: unknown,
  kind: KindDefinition,
): Promise<void> {
  if (type === 'JSONPatch') return replaceObject(attributes, made, kind, { strict: true });
  const name = `${kind.group}/${kind.version}, Kind=${kind.kind}`;
  return replaceObject(attributes, made, kind, {
    refuse: (why) => new MutationFailure(`unable to convert unstructured object to ${name}: ${why}`),
  });
}

function jsonOrFailure<T>(make: () => T, why = ''): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotJson) throw new MutationFailure(`${why}${error.message}`);
    throw error;
  }
}

async function evaluate({ expression }: CompiledMutation, input: ExpressionInput): Promise<Value> {
  const { program } = expression;
  if (program instanceof ExpressionError) throw new MutationFailure(program.message);
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
  if (value.size > MOST_OPERATIONS)
    throw new MutationFailure(`JSON Patch: ${value.size} operations, of which ${MOST_OPERATIONS} are allowed at the most`);
  const size = { counted: 0 };
  const operations = Array.from(value, (operation) => operationOf(operation, size));
  try {
    return applyJsonPatch(object, operations);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const why = (error.cause as Error | undefined)?.message ?? error.message;
    // A test that finds another value means that there is nothing to do; one that cannot look is a mistake.
    if (why.endsWith(': test failed')) return object;
    throw new MutationFailure(`JSON Patch: ${why}`);
  }
}

const NO_JSON = 'JSONPath valueExpression evaluated to a type that could not marshal to JSON: ';

function operationOf(operation: Value, size: JsonSize): Record<string, unknown> {
  if (!(operation instanceof MapValue))
    throw new MutationFailure('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  const value = operation.get('value');
  if (value instanceof MapValue && value.typeName?.startsWith('Object')) {
    const wrong = jsonOrFailure(() => misplacedTypes(value, value.typeName!), NO_JSON);
    if (wrong.length) throw new MutationFailure(`type mismatch: ${wrong.join('\n')}`);
  }
  const text = (name: string) => operation.get(name) ?? '';
  const from = text('from');
  return {
    op: text('op'),
    path: text('path'),
    ...(from !== '' && { from }),
    ...(value !== undefined && { value: jsonOrFailure(() => toJson(value, size), NO_JSON) }),
  };
}

function applied({ attributes, kind, object }: MutationInput, value: Value): unknown {
  const wrong = jsonOrFailure(() => misplacedTypes(value, 'Object'));
  if (wrong.length) throw new MutationFailure(`type mismatch: ${wrong.join('\n')}`);
  const configuration = jsonOrFailure(() => toJson(value));
  if (!isJsonMap(configuration)) throw new MutationFailure('invalid return type');
  const type = typeOfKind(kind);
  const whole = { ...configuration, apiVersion: object.apiVersion, kind: object.kind };
  const untyped = 'error applying patch: failed to convert patch object to typed object: ';
  // Options of a connection are described nowhere.
  if (attributes.operation === 'CONNECT') throw new MutationFailure(`${untyped}no corresponding type for ${shownKind(object)}`);
  if (object.kind === kind.kind) {
    const mistakes = checkConfiguration(type, whole, { nulls: 'refused' });
    if (mistakes.length) throw new MutationFailure(`${untyped}${joinErrors(mistakes)}`);
  }
  const atomics = atomicParts(type, whole, '');
  if (atomics.length)
    throw new MutationFailure(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`,
    );
  return mergeInto(type, object, whole);
}

function shownKind({ apiVersion, kind }: DynamicObject): string {
  return `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`;
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
