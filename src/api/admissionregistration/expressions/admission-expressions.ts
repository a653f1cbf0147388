/**
 * Compiles the expressions of webhook configurations and admission policies. Heavy to load (it brings the CEL engine): import it
 * when there is an expression.
 */

import { CodedError } from '../../../std/coded-error.ts';
import { Pace, runAtOnce, type Steps } from '../../../std/pauses.ts';
import {
  CelCompileError,
  type CelType,
  compileInSteps,
  createEnvironment,
  type Environment,
  type Program,
} from '../../cel/cel.ts';
import { AUTHORIZER, RESOURCE_CHECK } from '../../cel/library/authorizer.ts';
import { jsonPatchFunctions } from '../../cel/library/json-patch-keys.ts';
import { BOOL, DYN, formatType, listOf, NULL, objectOf, STRING } from '../../cel/types.ts';
import type { V1Variable } from '../../gen/types.ts';
import { applyObjectType, jsonPatchType, namespaceType, requestType } from './admission-types.ts';

export interface ExpressionScope {
  readonly params: boolean;
  readonly authorizer: boolean;
  /** `Object{…}` and `JSONPatch{…}` can be made. */
  readonly patchTypes?: boolean;
  /** Types of `variables.name`, for policies that have variables. */
  readonly variables?: ReadonlyMap<string, CelType>;
  /** Types of `object`, `oldObject` and `params` where they are known; any value otherwise. */
  readonly objectType?: CelType;
  readonly paramsType?: CelType;
}

export type ResultKind = 'bool' | 'string' | 'string-or-null' | 'any' | 'object' | 'json-patch';

const RESULTS: Readonly<Record<ResultKind, readonly CelType[]>> = {
  bool: [BOOL],
  string: [STRING],
  'string-or-null': [STRING, NULL],
  any: [],
  object: [applyObjectType('Object')!],
  'json-patch': [listOf(jsonPatchType)],
};

/** What upstream says of an expression: `compilation failed: ERROR: …` or `must evaluate to bool but got int`. */
export class ExpressionError extends CodedError {
  constructor(message: string) {
    super(message, { code: 'EXPRESSION_INVALID' });
  }
}

export function expressionEnvironment(scope: ExpressionScope): Environment {
  const object = scope.objectType ?? DYN;
  return createEnvironment({
    variables: {
      object,
      oldObject: object,
      namespaceObject: namespaceType,
      request: requestType,
      ...(scope.params && { params: scope.paramsType ?? DYN }),
      ...(scope.authorizer && { authorizer: AUTHORIZER, 'authorizer.requestResource': RESOURCE_CHECK }),
      ...(scope.variables && { variables: objectOf('kubernetes.variables', scope.variables) }),
    },
    ...(scope.patchTypes && {
      functions: jsonPatchFunctions,
      typeByName: (name) => (name === 'JSONPatch' ? jsonPatchType : applyObjectType(name)),
    }),
  });
}

const GO_NAMES: Readonly<Record<string, string>> = {
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
};

/** Go's names of types. */
const goType = (type: CelType) => formatType(type).replace(/\b(?:null|timestamp|duration)\b/g, (name) => GO_NAMES[name]!);

/** Throws ExpressionError. */
export function compileExpression(source: string, environment: Environment, result: ResultKind): Program {
  return runAtOnce(compileExpressionInSteps(source, environment, result, new Pace(Number.POSITIVE_INFINITY)));
}

/** Counts characters that are compiled between two pauses: some milliseconds. */
export const compilingPace = (): Pace => new Pace(30_000);

/** The same with pauses: of one expression and of all that have a pace in common. */
export function* compileExpressionInSteps(
  source: string,
  environment: Environment,
  result: ResultKind,
  pace: Pace,
): Steps<Program> {
  try {
    return yield* compileInSteps(source, environment, pace, (type) => expectResult(type, result));
  } catch (error) {
    if (error instanceof CelCompileError) throw new ExpressionError(error.explanation);
    throw error;
  }
}

function expectResult(resultType: CelType, result: ResultKind): void {
  const wanted = RESULTS[result];
  const type = formatType(resultType);
  if (!wanted.length || wanted.some((one) => formatType(one) === type)) return;
  const got = goType(resultType);
  throw new ExpressionError(
    wanted.length === 1
      ? `must evaluate to ${goType(wanted[0]!)} but got ${got}`
      : `must evaluate to one of [${wanted.map(goType).join(' ')}] but got ${got}`,
  );
}

export interface CompiledVariable {
  readonly name: string;
  /** Missing when it does not compile. */
  readonly program: Program | undefined;
  readonly error: ExpressionError | undefined;
}

/**
 * A policy's variables, each of which may use those before it. The scope that is returned has them all; one that does not compile
 * is of any type, so that what uses it is not blamed too.
 */
export function* compileVariables(
  variables: readonly V1Variable[],
  scope: ExpressionScope,
  pace: Pace,
): Steps<{ readonly compiled: readonly CompiledVariable[]; readonly scope: ExpressionScope }> {
  const types = new Map<string, CelType>();
  const compiled: CompiledVariable[] = [];
  for (const { name, expression } of variables) {
    try {
      const environment = expressionEnvironment({ ...scope, variables: types });
      const program = yield* compileExpressionInSteps(expression, environment, 'any', pace);
      types.set(name, program.resultType);
      compiled.push({ name, program, error: undefined });
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      types.set(name, DYN);
      compiled.push({ name, program: undefined, error });
    }
  }
  return { compiled, scope: variables.length ? { ...scope, variables: types } : scope };
}
