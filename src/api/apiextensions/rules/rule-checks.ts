import type { Steps } from '../../../std/pauses.ts';
import type { Program } from '../../cel/cel.ts';
import { patternSize } from '../../cel/pattern-size.ts';
import { forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { child, index } from '../schema/field-path.ts';
import { innerSchemas, isEmbedded, type JsonSchema } from '../schema/json-schema.ts';
import { patternError } from '../schema/pattern.ts';
import type { RuleChecks, RulePlace } from '../schema/rule-texts.ts';
import { shownRule } from '../schema/shown-schema.ts';
import { type CompiledRule, compileRules, compileRulesInSteps, compilingPace } from './compile-rules.ts';
import { type Declared, LARGEST_REQUEST } from './declared-type.ts';

/** What one rule may cost at worst, and all rules of a schema together (apiextensions/validation/cel_validation.go). */
const RULE_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** Of the rules of a schema that cost too much together, so many are blamed, and none that costs less than a hundredth of the limit. */
const MOST_BLAMED = 4;
const LEAST_BLAMED = SCHEMA_LIMIT / 100;

interface Totals {
  cost: number;
  readonly rules: { readonly path: string; readonly cost: number }[];
}

/** What was estimated. A memo of a pure function: a program is of the rules of one schema. */
const estimates = new WeakMap<Program, number>();

/** What a program can cost at worst. */
function estimate(program: Program, { type }: Declared): number {
  let most = estimates.get(program);
  if (most === undefined) {
    most = program.estimateCost(type).max;
    estimates.set(program, most);
  }
  return most;
}

/**
 * Does what takes long about the patterns and rules of a schema, with pauses: checks find it done. The schema must not be too deep.
 */
export function* prepareSchema(root: JsonSchema): Steps<void> {
  const pace = compilingPace();
  const waiting: JsonSchema[] = [root];
  for (let schema = waiting.pop(); schema; schema = waiting.pop()) {
    for (const inner of innerSchemas(schema)) waiting.push(inner);
    if (schema.pattern) {
      patternError(schema.pattern);
      if (pace.due(patternSize(schema.pattern))) yield;
    }
    if (!schema['x-kubernetes-validations']?.length) continue;
    const { declared, rules } = yield* compileRulesInSteps(schema, schema === root || isEmbedded(schema), pace);
    for (const { rule, program, message } of declared ? rules : [])
      for (const each of [program, message]) {
        if (each) estimate(each, declared!);
        if (pace.due(rule.rule.length)) yield;
      }
  }
}

/**
 * Compiles the rules of a schema and estimates what they cost.
 *
 * @param anyCost the schema is stored already: what it costs is not held against it
 */
export function createRuleChecks({ anyCost }: { readonly anyCost: boolean }): RuleChecks {
  const totals: Totals = { cost: 0, rules: [] };
  return {
    root: (schema, path) => new Place({ schema, path, isRoot: true, cardinality: 1, anyCost, totals }),
    total: (path) => {
      if (totals.cost <= SCHEMA_LIMIT) return [];
      const worst = totals.rules.toSorted((a, b) => b.cost - a.cost).slice(0, MOST_BLAMED);
      const why = 'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
      return [
        ...worst.map((rule) => forbiddenField(rule.path, why)),
        forbiddenField(
          path,
          tooCostly('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', totals.cost, SCHEMA_LIMIT),
        ),
      ];
    },
  };
}

interface PlaceConfig {
  readonly schema: JsonSchema;
  readonly path: string;
  readonly isRoot?: boolean;
  /** How many values of the schema an object can have; undefined: nothing bounds it. */
  readonly cardinality: number | undefined;
  /** The first place on the way whose values cannot be told from those before. */
  readonly uncorrelated?: string | undefined;
  readonly anyCost: boolean;
  readonly totals: Totals;
}

class Place implements RulePlace {
  readonly #config: PlaceConfig;

  constructor(config: PlaceConfig) {
    this.#config = config;
  }

  property(schema: JsonSchema, _name: string, path: string): RulePlace {
    const { schema: parent } = this.#config;
    return this.#below(schema, path, this.#config.cardinality, parent['x-kubernetes-map-type'] === 'atomic');
  }

  items(schema: JsonSchema, path: string): RulePlace {
    const { schema: parent } = this.#config;
    return this.#below(schema, path, this.#times(parent.maxItems), parent['x-kubernetes-list-type'] !== 'map');
  }

  values(schema: JsonSchema, path: string): RulePlace {
    return this.#below(schema, path, this.#times(this.#config.schema.maxProperties), false);
  }

  check(): FieldError[] {
    const { schema, isRoot = false, path } = this.#config;
    const { declared, rules } = compileRules(schema, isRoot || isEmbedded(schema));
    const at = child(path, 'x-kubernetes-validations');
    if (!declared)
      return [
        {
          field: at,
          reason: 'InternalError',
          message: 'Internal error: internal error: failed to retrieve type information for x-kubernetes-validations',
        },
      ];
    return rules.flatMap((rule, i) => this.#checkRule(rule, declared, index(at, i)));
  }

  #below(schema: JsonSchema, path: string, cardinality: number | undefined, breaks: boolean): Place {
    const uncorrelated = this.#config.uncorrelated ?? (breaks ? this.#config.path : undefined);
    return new Place({ ...this.#config, schema, path, isRoot: false, cardinality, uncorrelated });
  }

  #times(most: number | undefined): number | undefined {
    const { cardinality } = this.#config;
    return cardinality === undefined || most === undefined ? undefined : cardinality * Math.max(0, most);
  }

  #checkRule(compiled: CompiledRule, declared: Declared, at: string): FieldError[] {
    const { rule, program, message } = compiled;
    const errors: FieldError[] = [];
    const times = this.#config.cardinality ?? Math.floor(LARGEST_REQUEST / (declared.minSize + 1));
    errors.push(...this.#weigh((program ? estimate(program, declared) : 0) * times, 'rule', at));
    if (compiled.error === 'rule is not specified') errors.push(requiredField(child(at, 'rule'), compiled.error));
    else if (compiled.error !== undefined) errors.push(invalidField(child(at, 'rule'), shownRule(rule), compiled.error));
    if (compiled.messageError !== undefined)
      errors.push(invalidField(child(at, 'messageExpression'), shownRule(rule), compiled.messageError));
    else if (message) errors.push(...this.#weigh(estimate(message, declared), 'messageExpression', at));
    const { uncorrelated } = this.#config;
    if (compiled.usesOldSelf && uncorrelated !== undefined)
      errors.push(
        invalidField(
          child(at, 'rule'),
          rule.rule,
          `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
        ),
      );
    else if (!compiled.usesOldSelf && rule.optionalOldSelf !== undefined)
      errors.push(
        invalidField(child(at, 'optionalOldSelf'), rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule'),
      );
    return errors;
  }

  #weigh(cost: number, what: 'rule' | 'messageExpression', at: string): FieldError[] {
    const { totals, anyCost } = this.#config;
    const path = child(at, what);
    totals.cost += cost;
    if (cost >= LEAST_BLAMED) totals.rules.push({ path, cost });
    if (cost <= RULE_LIMIT || anyCost) return [];
    return [forbiddenField(path, tooCostly(`estimated ${what} cost`, cost, RULE_LIMIT))];
  }
}

function tooCostly(name: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shownFactor = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${name} exceeds budget by factor of ${shownFactor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
