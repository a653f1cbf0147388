import { CelCompileError, compile, createEnvironment, type Environment, type Program } from '../../cel/cel.ts';
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
export function compileRules(schema: JsonSchema, isResource: boolean): CompiledRules {
  const memo = isResource ? compiled.resource : compiled.other;
  let rules = memo.get(schema);
  if (!rules) {
    rules = compileAll(schema, isResource);
    memo.set(schema, rules);
  }
  return rules;
}

function compileAll(schema: JsonSchema, isResource: boolean): CompiledRules {
  const declared = declareType(schema, SELF_TYPE, isResource);
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (!declared) return { declared, rules: [] };
  return { declared, rules: rules.map((rule) => compileRule(rule, declared.type)) };
}

function compileRule(rule: ValidationRule, self: CelType): CompiledRule {
  const oldSelf = rule.optionalOldSelf ? optionalOf(self) : self;
  const environment = createEnvironment({ variables: { self, oldSelf } });
  const nothing = { rule, program: undefined, message: undefined, messageError: undefined, usesOldSelf: false };
  if (!rule.rule?.trim()) return { ...nothing, error: 'rule is not specified' };
  const program = compileAs('bool', rule.rule, environment, 'cel expression must evaluate to a bool');
  if (typeof program === 'string') return { ...nothing, error: program };
  const message = rule.messageExpression
    ? compileAs('string', rule.messageExpression, environment, 'must evaluate to a string')
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
function compileAs(name: 'bool' | 'string', source: string, environment: Environment, otherwise: string): Program | string {
  try {
    return compile(source, environment, (type) => {
      if (type.form !== 'simple' || type.name !== name) throw new WrongType();
    });
  } catch (error) {
    if (error instanceof WrongType) return otherwise;
    if (error instanceof CelCompileError) return error.explanation;
    throw error;
  }
}
