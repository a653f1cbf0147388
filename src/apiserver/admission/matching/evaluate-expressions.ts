/**
 * Evaluates the expressions of webhooks and policies over one request (apiserver/pkg/admission/plugin/cel/condition.go). Heavy to
 * load (it brings the CEL engine): import it when there is an expression.
 */
import type { CompiledVariable } from '../../../api/admissionregistration/expressions/admission-expressions.ts';
import { ErrorValue, PER_CALL_LIMIT, type Program, type Value } from '../../../api/cel/cel.ts';
import { jsonValue } from '../../../api/cel/json-values.ts';
import { authorizerValue, PendingDecision, resourceCheckValue } from '../../../api/cel/library/authorizer.ts';
import { MapValue } from '../../../api/cel/values.ts';
import type { KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import { nextTurn } from '../../../std/next-turn.ts';
import type { AdmissionAttributes } from '../../contracts.ts';
import { admissionRequest } from './admission-request.ts';
import type { AuthorizerDecisions } from './authorizer-decisions.ts';

/** What all of a policy's expressions may cost for one request, and those of match conditions (apiserver/pkg/apis/cel/config.go). */
export const REQUEST_BUDGET = 10_000_000;
export const MATCH_CONDITIONS_BUDGET = 2_500_000;
export const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** What expressions see. Objects are in the version in which the request matched. */
export interface ExpressionInput {
  readonly attributes: AdmissionAttributes;
  readonly kind: KindDefinition;
  readonly object: DynamicObject | undefined;
  readonly oldObject: DynamicObject | undefined;
  readonly namespace: DynamicObject | undefined;
  readonly params: DynamicObject | undefined;
  /** Absent where there is no authorizer to be asked. */
  readonly decisions: AuthorizerDecisions | undefined;
  readonly variables: readonly CompiledVariable[];
}

/** The expressions together have cost too much. */
export class OutOfBudget extends Error {
  constructor() {
    super(OUT_OF_BUDGET);
  }
}

/** Fields of a Namespace that expressions may see. */
const NAMESPACE_METADATA = [
  'name',
  'generateName',
  'namespace',
  'labels',
  'annotations',
  'uid',
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'resourceVersion',
  'finalizers',
] as const;

function namespaceObject({ metadata, ...rest }: DynamicObject): object {
  const shown = Object.fromEntries(
    NAMESPACE_METADATA.flatMap((name) => (metadata[name] === undefined ? [] : [[name, metadata[name]]])),
  );
  return { metadata: shown, spec: rest['spec'] ?? {}, status: rest['status'] ?? {} };
}

/** `variables.name`: evaluated when it is first asked for, once for all expressions of a run, the first of which pays for it. */
class Variables extends MapValue {
  readonly #programs: ReadonlyMap<string, CompiledVariable>;
  readonly #evaluate: (program: Program) => Value;
  readonly #known: () => void;
  readonly #values = new Map<string, Value>();
  override readonly typeName = 'kubernetes.variables';

  /** `known`: called when a value was made and is kept; may throw. */
  constructor(variables: readonly CompiledVariable[], evaluate: (program: Program) => Value, known: () => void) {
    super();
    this.#known = known;
    this.#programs = new Map(variables.map((variable) => [variable.name, variable]));
    this.#evaluate = evaluate;
  }
  get size(): number {
    return this.#programs.size;
  }
  keys(): Iterable<Value> {
    return this.#programs.keys();
  }
  get(key: Value): Value | undefined {
    const variable = typeof key === 'string' ? this.#programs.get(key) : undefined;
    if (!variable) return undefined;
    const known = this.#values.get(variable.name);
    if (known !== undefined) return known;
    const value = this.#valueOf(variable);
    this.#values.set(variable.name, value);
    this.#known();
    return value;
  }
  #valueOf({ name, program, error }: CompiledVariable): Value {
    if (!program) return new ErrorValue(`composited variable ${JSON.stringify(name)} fails to compile: ${error?.message ?? ''}`);
    const value = this.#evaluate(program);
    return value instanceof ErrorValue
      ? new ErrorValue(`composited variable ${JSON.stringify(name)} fails to evaluate: ${value.message}`)
      : value;
  }
}

/** After expressions of so much effort, some 5 ms, others have their turn. */
const TURN_EFFORT = 50_000;
/** Variables of so much that one expression asks for are a turn of their own: it begins again when they are known. */
const VARIABLES_EFFORT = 500_000;

/** Ends an expression that is to begin again in another turn. */
class TurnDue extends Error {}

/** The expressions of one policy, or of one webhook's conditions, over one request, with a budget for all of them. */
export class ExpressionRun {
  readonly #input: ExpressionInput;
  readonly #values = new Map<string, Value>();
  readonly #variables: Variables;
  #budget: number;
  /** What variables have cost that no expression has paid for yet. */
  #owed = 0;
  /** Since others had their turn. */
  #effort = 0;

  constructor(input: ExpressionInput, budget: number) {
    this.#input = input;
    this.#budget = budget;
    this.#variables = new Variables(
      input.variables,
      (variable) => this.#run(variable),
      () => {
        if (this.#owed > this.#budget) throw new OutOfBudget();
        if (this.#effort >= VARIABLES_EFFORT) throw new TurnDue();
      },
    );
  }

  /** The expression's value, an ErrorValue when it fails. Rejects with OutOfBudget. */
  async evaluate(program: Program): Promise<Value> {
    for (;;) {
      if (this.#effort >= TURN_EFFORT) {
        this.#effort = 0;
        await nextTurn();
      }
      try {
        return this.#evaluate(program);
      } catch (error) {
        // What was done so far is done anew, and nobody knows how much it was.
        this.#effort = TURN_EFFORT;
        if (error instanceof PendingDecision) await this.#input.decisions!.settle(error.request);
        else if (!(error instanceof TurnDue)) throw error;
      }
    }
  }

  /** Whatever else shares the request: a policy's messages run on what its validations left of the budget. */
  get budget(): number {
    return this.#budget;
  }

  #evaluate(program: Program): Value {
    const value = this.#run(program);
    if (this.#owed > this.#budget) throw new OutOfBudget();
    this.#budget -= this.#owed;
    this.#owed = 0;
    return value;
  }

  #run(program: Program): Value {
    const { value, cost, effort } = program.evaluate(this.#variable, PER_CALL_LIMIT);
    this.#effort += effort;
    this.#owed += cost;
    return value;
  }

  readonly #variable = (name: string): Value | undefined => {
    if (name === 'variables') return this.#variables;
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#make(name);
    if (value !== undefined) this.#values.set(name, value);
    return value;
  };

  #make(name: string): Value | undefined {
    const { attributes, kind, object, oldObject, namespace, params, decisions } = this.#input;
    switch (name) {
      case 'object':
        return jsonValue(object ?? null);
      case 'oldObject':
        return jsonValue(oldObject ?? null);
      case 'namespaceObject':
        return jsonValue(namespace ? namespaceObject(namespace) : null);
      case 'params':
        return jsonValue(params ?? null);
      case 'request':
        return jsonValue(admissionRequest(attributes, kind));
      case 'authorizer':
        return decisions && authorizerValue(decisions.decide);
      case 'authorizer.requestResource':
        return (
          decisions &&
          resourceCheckValue(
            {
              group: attributes.kind.group,
              resource: attributes.kind.resource,
              ...(attributes.subresource && { subresource: attributes.subresource }),
              ...(attributes.namespace && { namespace: attributes.namespace }),
              ...(attributes.name && { name: attributes.name }),
            },
            decisions.decide,
          )
        );
      default:
        return undefined;
    }
  }
}

/** `expression 'x' resulted in error: …` */
export const evaluationFailure = (expression: string, { message }: ErrorValue): string =>
  `expression '${expression}' resulted in error: ${message}`;
