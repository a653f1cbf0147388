/**
 * The Common Expression Language as Kubernetes has it: an expression is compiled against the types of its variables and evaluated
 * with a limit on its cost. Heavy to load (regular expressions): import it when the first expression is met.
 *
 *     const environment = createEnvironment({ variables: { object: DYN } });
 *     const program = compile('object.spec.replicas <= 3', environment);   // throws CelCompileError
 *     const { value, cost } = program.evaluate((name) => (name === 'object' ? jsonValue(object) : undefined));
 *     if (value instanceof ErrorValue) …                                            // in cel-go's words
 */
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { type Checked, check } from './checker.ts';
import { type FunctionDeclaration, functionTable } from './declarations.ts';
import { type CostEstimate, estimateCost } from './estimate-cost.ts';
import { kubernetesFunctions, kubernetesTypes } from './library/kubernetes.ts';
import { checkLiterals } from './literal-checks.ts';
import { parseExpression } from './parser.ts';
import { type Activation, plan } from './plan.ts';
import { Meter } from './runtime-cost.ts';
import type { CelType } from './types.ts';
import { ErrorValue, type Value } from './values.ts';
import { visitExpressions } from './visit.ts';
import { CostLimitReached } from './work.ts';

export { CelCompileError, CelProgramError } from './compile-error.ts';
export type { Activation } from './plan.ts';
export type { CelType } from './types.ts';
export { ErrorValue, type Value } from './values.ts';

/** What one evaluation may cost (apiserver/pkg/apis/cel/config.go, PerCallLimit). */
export const PER_CALL_LIMIT = 1_000_000;

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  /** Types that expressions may name or make, besides those of the libraries. */
  readonly types?: ReadonlyMap<string, CelType>;
  /** Or a lookup, for types that are made when they are asked for. */
  readonly typeByName?: (name: string) => CelType | undefined;
  /** Functions besides those of the language and of Kubernetes' libraries. */
  readonly functions?: readonly FunctionDeclaration[];
  /** With `cel.bind`, which most of Kubernetes' environments are without. */
  readonly bindings?: boolean;
}

/** What expressions may name. Costs little; can be shared by many expressions. */
export interface Environment {
  readonly variable: (name: string) => CelType | undefined;
  readonly type: (name: string) => CelType | undefined;
  readonly functions: ReadonlyMap<string, FunctionDeclaration>;
  readonly bindings?: boolean | undefined;
}

export function createEnvironment(options: EnvironmentOptions): Environment {
  const own = options.types;
  return {
    variable: (name) => (Object.hasOwn(options.variables, name) ? options.variables[name] : undefined),
    type: (name) => own?.get(name) ?? options.typeByName?.(name) ?? kubernetesTypes.get(name),
    functions: options.functions ? functionTable([...kubernetesFunctions.values(), ...options.functions]) : kubernetesFunctions,
    bindings: options.bindings,
  };
}

export interface Evaluation {
  /** An ErrorValue when it failed; `costLimitReached` says when that was for its cost. */
  readonly value: Value;
  readonly cost: number;
  /** What it took, in units of cost too (upstream's hundred nanoseconds): more than the cost where upstream's rules see less than is done. */
  readonly effort: number;
  readonly costLimitReached: boolean;
}

/** A compiled expression. Holds no state: may be kept and evaluated any number of times. */
export interface Program {
  readonly source: string;
  readonly resultType: CelType;
  /** Whether the expression names the variable. */
  mentions(variable: string): boolean;
  /** Never throws for anything in the expression or the values. `costLimit`: at most so much, PER_CALL_LIMIT if not given. */
  evaluate(activation: Activation, costLimit?: number): Evaluation;
  /** What it can cost at worst, from the sizes that its types allow. `root`: the type of the variable that has them. */
  estimateCost(root?: CelType): CostEstimate;
}

/**
 * Parses and checks. Throws CelCompileError with every mistake in upstream's words. `expected` may throw at the type of the result: that
 * is looked at when the types are known, before constants are worked out.
 */
export function compile(source: string, environment: Environment, expected?: ExpectedType): Program {
  return runAtOnce(compileInSteps(source, environment, new Pace(Number.POSITIVE_INFINITY), expected));
}

/** The same, with pauses between its passes. `pace` counts characters: it may be that of many expressions. */
export function* compileInSteps(source: string, environment: Environment, pace: Pace, expected?: ExpectedType): Steps<Program> {
  const parsed = parseExpression(source, environment.bindings);
  if (pace.due(source.length)) yield;
  const checked = check(source, parsed, environment);
  if (pace.due(source.length)) yield;
  checkLiterals(source, checked);
  expected?.(checked.resultType);
  const program = new CompiledProgram(source, checked);
  if (pace.due(source.length + LOOKED_AT)) yield;
  return program;
}

/** What an expression takes besides, in characters. */
const LOOKED_AT = 200;

type ExpectedType = (resultType: CelType) => void;

class CompiledProgram implements Program {
  readonly source: string;
  readonly #checked: Checked;
  readonly #step: ReturnType<typeof plan>;
  readonly #mentioned = new Set<string>();

  constructor(source: string, checked: Checked) {
    this.source = source;
    this.#checked = checked;
    this.#step = plan(checked);
    visitExpressions(checked.expression, (part) => {
      if (part.form === 'identifier') this.#mentioned.add(part.name.replace(/^\./, ''));
    });
  }

  get resultType(): CelType {
    return this.#checked.resultType;
  }

  mentions(variable: string): boolean {
    return this.#mentioned.has(variable);
  }

  evaluate(activation: Activation, costLimit = PER_CALL_LIMIT): Evaluation {
    const meter = new Meter(costLimit);
    try {
      const value = this.#step({ meter, activation }, undefined);
      return { value, cost: meter.cost, effort: meter.effort, costLimitReached: false };
    } catch (error) {
      if (!(error instanceof CostLimitReached)) throw error;
      const value = new ErrorValue('operation cancelled: actual cost limit exceeded');
      return { value, cost: meter.cost, effort: meter.effort, costLimitReached: true };
    }
  }

  estimateCost(root?: CelType): CostEstimate {
    return estimateCost(this.#checked, root);
  }
}
