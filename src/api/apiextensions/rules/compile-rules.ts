import { Pace, runAtOnce, type Steps } from '../../../std/pauses.ts';
import { CelCompileError, compileInSteps, createEnvironment, type Environment, type Program } from '../../cel/cel.ts';
import { type CelType, optionalOf } from '../../cel/types.ts';
import type { JsonSchema, ValidationRule } from '../schema/json-schema.ts';
import { type Declared, declareType } from './declared-type.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly program: Program | undefined;
  /** What keeps it from being run. */
  readonly error: string | undefined;
  readonly message: Program | undefined;
  readonly messageError: string | undefined;
  readonly usesOldSelf: boolean;
}

export interface CompiledRules {
  /** Undefined: expressions cannot see values of the schema. */
  readonly declared: Declared | undefined;
  readonly rules: readonly CompiledRule[];
}

/** What the type of values of a schema is called. Each schema's rules are compiled by themselves. */
export const SELF_TYPE = 'selfType';

/** What was compiled so far, of resources and others apart. A memo of a pure function: it changes no answer. */
const compiled = { resource: new WeakMap<JsonSchema, CompiledRules>(), other: new WeakMap<JsonSchema, CompiledRules>() };

/** A schema's own rules (…/schema/cel/compilation.go). */
export const compileRules = (schema: JsonSchema, isResource: boolean): CompiledRules =>
  runAtOnce(compileRulesInSteps(schema, isResource));

/** The same, with a pause after so many characters of expressions. */
export function* compileRulesInSteps(schema: JsonSchema, isResource: boolean, pace = compilingPace()): Steps<CompiledRules> {
  const memo = isResource ? compiled.resource : compiled.other;
  let rules = memo.get(schema);
  if (!rules) {
    rules = yield* compileAll(schema, isResource, pace);
    memo.set(schema, rules);
  }
  return rules;
}

/** Counts characters of expressions that are compiled between two pauses: some milliseconds. */
export const compilingPace = (): Pace => new Pace(4_000);
function* compileAll(schema: JsonSchema, isResource: boolean, pace: Pace): Steps<CompiledRules> {
  const declared = declareType(schema, SELF_TYPE, isResource);
  if (!declared) return { declared, rules: [] };
  const rules: CompiledRule[] = [];
  for (const rule of schema['x-kubernetes-validations'] ?? []) {
    rules.push(yield* compileRule(rule, declared.type, pace));
  }
  return { declared, rules };
}

function* compileRule(rule: ValidationRule, self: CelType, pace: Pace): Steps<CompiledRule> {
  const oldSelf = rule.optionalOldSelf ? optionalOf(self) : self;
  const environment = createEnvironment({ variables: { self, oldSelf } });
  const nothing = { rule, program: undefined, message: undefined, messageError: undefined, usesOldSelf: false };
  if (!rule.rule?.trim()) return { ...nothing, error: 'rule is not specified' };
  const program = yield* compileAs('bool', rule.rule, { environment, otherwise: 'cel expression must evaluate to a bool' }, pace);
  if (typeof program === 'string') return { ...nothing, error: program };
  const message = rule.messageExpression
    ? yield* compileAs('string', rule.messageExpression, { environment, otherwise: 'must evaluate to a string' }, pace)
    : undefined;
  return {
    rule,
    program,
    error: undefined,
    usesOldSelf: program.mentions('oldSelf'),
    message: typeof message === 'string' ? undefined : message,
    messageError: typeof message === 'string' ? `messageExpression ${message.replace(/^program /, '')}` : undefined,
  };
}

class WrongType extends Error {}

/** The program, or why there is none: `otherwise` when its result is of another type, if only of any. */
function* compileAs(
  name: 'bool' | 'string',
  source: string,
  { environment, otherwise }: { readonly environment: Environment; readonly otherwise: string },
  pace: Pace,
): Steps<Program | string> {
  try {
    return yield* compileInSteps(source, environment, pace, (type) => {
      if (type.form !== 'simple' || type.name !== name) throw new WrongType();
    });
  } catch (error) {
    if (error instanceof WrongType) return otherwise;
    if (error instanceof CelCompileError) return error.explanation;
    throw error;
  }
}
