/**
 * What an expression can cost at worst, known from the sizes that the types of its variables allow (cel-go checker/cost.go). CRDs
 * whose rules could cost too much are refused by it.
 */
import type { Checked } from './checker.ts';
import { add, type CostEstimate, fixed, multiply, NOTHING, ONE, type Range, UNKNOWN, union } from './cost-range.ts';
import { type CallEstimate, estimateCall, estimateLibraryCall, type Sized } from './estimate-call.ts';
import { ACCUMULATOR, type Call, type Comprehension, type Expression } from './expression.ts';
import { LIST_COST, MAP_COST, STRUCT_COST } from './runtime-cost.ts';
import { type CelType, DYN } from './types.ts';
import { codePointCount } from './values.ts';

export type { CostEstimate } from './cost-range.ts';

/** Sizes of keys (or indices) and values of a list or map that an expression makes. */
interface EntrySizes {
  readonly list: boolean;
  readonly key: Range;
  readonly value: Range;
}
interface Local {
  readonly name: string;
  /** The declared type that the value comes from, as it stands in the schema. */
  readonly declared: CelType | undefined;
  readonly size: Range | undefined;
  readonly entries: EntrySizes | undefined;
  readonly outer: Local | undefined;
}

const LARGEST_FIRST: Range = { min: UNKNOWN.max, max: 0 };
const SCALARS: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'timestamp', 'duration']);

/** `root`: what paths begin at. Upstream takes what comes from no variable for it, too: an item of a list that was made, a field of a result. */
export function estimateCost(checked: Checked, root?: CelType): CostEstimate {
  return new Estimator(checked, root).cost(checked.expression);
}

class Estimator {
  readonly #checked: Checked;
  readonly #root: CelType | undefined;
  readonly #declared = new Map<number, CelType | undefined>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySizes>();
  #locals: Local | undefined;

  constructor(checked: Checked, root: CelType | undefined) {
    this.#checked = checked;
    this.#root = root;
  }

  cost(expression: Expression): Range {
    switch (expression.form) {
      case 'literal':
        return NOTHING;
      case 'identifier': {
        const local = this.#local(expression.name);
        this.#declared.set(expression.id, local ? local.declared : this.#type(expression));
        return ONE;
      }
      case 'select': {
        if (this.#checked.qualified.has(expression.id)) return ONE;
        const operand = this.cost(expression.operand);
        if (expression.test) return operand;
        const outer = this.#declared.get(expression.operand.id);
        this.#declared.set(expression.id, outer ? fieldOf(outer, expression.field) : this.#root);
        const type = this.#type(expression.operand);
        return type.form === 'map' || type.form === 'object' || type.form === 'parameter' ? add(operand, ONE) : operand;
      }
      case 'call':
        return this.#call(expression);
      case 'list': {
        const costs = expression.elements.map((element) => this.cost(element));
        this.#entries.set(expression.id, { list: true, key: ONE, value: this.#largest(expression.elements) });
        return add(...costs, fixed(LIST_COST));
      }
      case 'map': {
        const costs = expression.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]);
        const key = this.#largest(expression.entries.map((entry) => entry.key));
        this.#entries.set(expression.id, { list: false, key, value: this.#largest(expression.entries.map((e) => e.value)) });
        return add(...costs, fixed(MAP_COST));
      }
      case 'struct':
        return add(...expression.fields.map(({ value }) => this.cost(value)), fixed(STRUCT_COST));
      case 'comprehension':
        return expression.accumulator === ACCUMULATOR ? this.#loop(expression) : this.#bind(expression);
    }
  }

  #type(expression: Expression): CelType {
    return this.#checked.types.get(expression.id) ?? DYN;
  }

  #local(name: string): Local | undefined {
    for (let local = this.#locals; local; local = local.outer) if (local.name === name) return local;
    return undefined;
  }

  #largest(parts: readonly Expression[]): Range {
    if (!parts.length) return NOTHING;
    return parts.map((part) => this.#size(part)).reduce(union, LARGEST_FIRST);
  }

  #size(expression: Expression): Range {
    return this.#knownSize(expression) ?? UNKNOWN;
  }

  #knownSize(expression: Expression): Range | undefined {
    const computed = this.#sizes.get(expression.id) ?? literalSize(expression);
    if (computed) return computed;
    const local = expression.form === 'identifier' ? this.#local(expression.name) : undefined;
    const declared = local ? local.declared : this.#declared.get(expression.id);
    if (declared) return declaredSize(declared);
    const type = this.#type(expression);
    if (type.form === 'simple' && SCALARS.has(type.name)) return ONE;
    return local?.size;
  }

  #entriesOf(expression: Expression): EntrySizes | undefined {
    const own = this.#entries.get(expression.id);
    if (own || expression.form !== 'identifier') return own;
    return this.#local(expression.name)?.entries;
  }

  #declaredOf(expression: Expression): CelType | undefined {
    const local = expression.form === 'identifier' ? this.#local(expression.name) : undefined;
    return local ? local.declared : this.#declared.get(expression.id);
  }

  #sized(expression: Expression): Sized {
    const declared = this.#declaredOf(expression);
    const element = declared?.form === 'list' ? declaredSize(declared.of) : UNKNOWN;
    return { expression, type: this.#type(expression), size: this.#size(expression), elementSize: element };
  }

  #call(call: Call): Range {
    if (call.name === 'dyn' && call.args.length === 1) {
      const inner = this.cost(call.args[0]!);
      this.#copySizes(call, call.args[0]!);
      return add(ONE, inner);
    }
    const qualified = this.#checked.qualified.get(call.id);
    const name = qualified ?? call.name;
    const costs = call.args.map((argument) => this.cost(argument));
    const memberTarget = qualified === undefined ? call.target : undefined;
    const targetCost = memberTarget ? this.cost(memberTarget) : NOTHING;
    if (name === '_&&_' || name === '_||_') return { min: costs[0]!.min, max: add(...costs).max };
    if (name === '_?:_' || name === '_?_:_') return this.#conditional(call, costs);
    const overloads = this.#checked.overloads.get(call.id) ?? [];
    if (name === '_?._') return add(...costs, ONE);
    const target = memberTarget && this.#sized(memberTarget);
    const args = call.args.map((argument) => this.#sized(argument));
    let total: Range = LARGEST_FIRST;
    for (const { id } of overloads) {
      const estimate = estimateLibraryCall(name, id, target, args) ?? estimateCall(id, target, args);
      total = union(total, estimate.cost);
      this.#keepSize(call, id, estimate);
    }
    return overloads.length ? add(targetCost, ...costs, total) : NOTHING;
  }

  #keepSize(call: Call, id: string, { size }: CallEstimate): void {
    const [first, second] = call.args;
    let made = size;
    if (id === 'index_list' || id === 'index_map') {
      const declared = this.#declaredOf(first!);
      this.#declared.set(call.id, declared ? itemOf(declared) : this.#root);
      made = this.#entriesOf(first!)?.value;
    }
    if (id === 'add_list') this.#setEntries(call, this.#entriesOf(first!), this.#entriesOf(second!));
    if (!made) return;
    const before = this.#sizes.get(call.id);
    this.#sizes.set(call.id, before ? union(before, made) : made);
  }

  #setEntries(expression: Expression, a: EntrySizes | undefined, b: EntrySizes | undefined): void {
    if (!a || !b) return;
    this.#entries.set(expression.id, { list: a.list, key: union(a.key, b.key), value: union(a.value, b.value) });
  }

  #conditional(call: Call, costs: readonly Range[]): Range {
    const [, yes, no] = call.args as [Expression, Expression, Expression];
    this.#sizes.set(call.id, union(this.#size(yes), this.#size(no)));
    this.#setEntries(call, this.#entriesOf(yes), this.#entriesOf(no));
    return add(costs[0]!, union(costs[1]!, costs[2]!));
  }

  #copySizes(to: Expression, from: Expression): void {
    const size = this.#knownSize(from);
    if (size) this.#sizes.set(to.id, size);
    const entries = this.#entriesOf(from);
    if (entries) this.#entries.set(to.id, entries);
  }

  #bind(bound: Comprehension): Range {
    const costs = [this.cost(bound.range), this.cost(bound.init)];
    const outer = this.#locals;
    this.#locals = {
      name: bound.accumulator,
      declared: this.#declaredOf(bound.init),
      size: this.#knownSize(bound.init),
      entries: this.#entriesOf(bound.init),
      outer,
    };
    costs.push(this.cost(bound.result));
    this.#locals = outer;
    this.#copySizes(bound, bound.result);
    return add(...costs);
  }

  #loop(loop: Comprehension): Range {
    const costs = [this.cost(loop.range), this.cost(loop.init)];
    const outer = this.#locals;
    const accumulator: Local = {
      name: loop.accumulator,
      declared: undefined,
      size: this.#knownSize(loop.init),
      entries: this.#entriesOf(loop.init),
      outer,
    };
    this.#locals = accumulator;
    this.#bindVariables(loop);
    const each = add(this.cost(loop.condition), this.cost(loop.step));
    this.#locals = accumulator;
    costs.push(this.cost(loop.result));
    this.#locals = outer;
    const count = this.#size(loop.range);
    if (loop.init.form === 'literal') this.#sizes.set(loop.id, this.#size(loop.init));
    else {
      this.#sizes.set(loop.id, count);
      const entries = this.#entriesOf(loop.step);
      if (entries) this.#entries.set(loop.id, entries);
    }
    return add(...costs, multiply(count, each));
  }

  #bindVariables({ range, variable, variable2 }: Comprehension): void {
    const entries = this.#entriesOf(range);
    const declared = this.#declaredOf(range);
    const list = entries ? entries.list : this.#type(range).form === 'list';
    const keyType = declared?.form === 'map' ? declared.key : undefined;
    const key = { declared: declared ? keyType : this.#root, size: entries?.key };
    const value = { declared: declared ? itemOf(declared) : this.#root, size: entries?.value };
    const first = variable2 === undefined && list ? value : key;
    this.#locals = { name: variable, ...first, entries: undefined, outer: this.#locals };
    if (variable2 !== undefined) this.#locals = { name: variable2, ...value, entries: undefined, outer: this.#locals };
  }
}

const declaredSize = (type: CelType): Range => ({ min: 0, max: type.maxElements ?? 0 });

const itemOf = (type: CelType): CelType | undefined => (type.form === 'list' || type.form === 'map' ? type.of : undefined);

function fieldOf(type: CelType, field: string): CelType | undefined {
  if (type.form === 'object') return type.field(field);
  return type.form === 'map' ? type.of : undefined;
}

function literalSize(expression: Expression): Range | undefined {
  if (expression.form === 'list') return fixed(expression.elements.length);
  if (expression.form === 'map') return fixed(expression.entries.length);
  if (expression.form !== 'literal') return undefined;
  const { value } = expression;
  if (typeof value === 'string') return fixed(codePointCount(value));
  return value instanceof Uint8Array ? fixed(value.length) : ONE;
}
