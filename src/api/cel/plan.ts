/**
 * Turns a checked expression into functions that evaluate it. Each part takes what it costs from a meter, by the rules of cel-go's
 * cost tracker, so that an expression stops where upstream's would.
 */
import type { Checked } from './checker.ts';
import { CelProgramError } from './compile-error.ts';
import type { Overload } from './declarations.ts';
import {
  chosen,
  conditional,
  equality,
  fieldOf,
  identifier,
  isAttribute,
  logical,
  memberOfConstant,
  missingKey,
  NO_OVERLOAD,
  notStrictlyFalse,
  optionalOr,
  optionalSelect,
  present,
  type Run,
  type Scope,
  type Step,
} from './evaluation-steps.ts';
import {
  ACCUMULATOR,
  type Call,
  type Comprehension,
  type Expression,
  type ListLiteral,
  type MapLiteral,
  type Select,
  type StructLiteral,
} from './expression.ts';
import { FOLDABLE } from './library/conversions.ts';
import { LIST_COST, MAP_COST, PAID_AFTERWARDS, priceOf, STRUCT_COST } from './runtime-cost.ts';
import type { CelType } from './types.ts';
import { fitsType } from './value-types.ts';
import {
  ErrorValue,
  hashKey,
  ListValue,
  MapValue,
  Optional,
  PlainList,
  PlainMap,
  typeNameOf,
  Uint,
  type Value,
} from './values.ts';
import { textParts, workOf, workOfResult } from './work.ts';

export type { Activation } from './evaluation-steps.ts';

const INDEXING: ReadonlySet<string> = new Set(['_[_]', '_[?_]']);
const MATCHING: ReadonlySet<string> = new Set(['matches', 'find', 'findAll']);
const keyText = (key: Value) =>
  key instanceof Uint ? String(key.value) : typeof key === 'object' ? typeNameOf(key) : String(key);

function fitAll(values: readonly Value[], types: readonly CelType[]): boolean {
  for (let i = 0; i < types.length; i++) if (!fitsType(values[i]!, types[i]!)) return false;
  return true;
}

/** Functions that are methods of values to cel-go: their names are not told. */
const UNNAMED = /^(?:[^A-Za-z]|@|contains$|startsWith$|endsWith$|matches$)/;
const UNSIGNED: ReadonlySet<string> = new Set(['size', 'sort', '@sortByAssociatedKeys']);

/** A function that takes no such values, whatever their types said. */
function noOverload(name: string, values: readonly Value[]): string {
  if (UNNAMED.test(name)) return NO_OVERLOAD;
  return `${NO_OVERLOAD}: ${name}${UNSIGNED.has(name) ? '' : `(${values.map(typeNameOf).join(', ')})`}`;
}

const INDEXED_BY_NUMBER: ReadonlySet<string> = new Set(['index_list', 'list_optindex_optional_int']);

const isConditional = (expression: Expression) => expression.form === 'call' && expression.name === '_?_:_';

/** What fails has its price, too. */
function charged(run: Run, price: number, value: Value): Value {
  run.meter.charge(price);
  return value;
}

/** An operand that fails ends a look into it before that has its price: it is charged for what finds nothing to give back. */
const refundable = (run: Run, value: Value): Value => (value instanceof ErrorValue ? charged(run, 1, value) : value);

function failureOf(item: Value, optional: boolean): ErrorValue | undefined {
  if (item instanceof ErrorValue) return item;
  return optional && !(item instanceof Optional) ? new ErrorValue(NO_OVERLOAD) : undefined;
}

export function plan(checked: Checked): Step {
  return new Planner(checked).step(checked.expression);
}

class Planner {
  readonly #checked: Checked;

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  step(expression: Expression): Step {
    const constant = this.#constant(expression);
    if (constant !== undefined) return () => constant;
    switch (expression.form) {
      case 'literal':
        return () => expression.value;
      case 'identifier':
        return identifier(expression.name);
      case 'select':
        return this.#select(expression);
      case 'call':
        return this.#call(expression);
      case 'list':
        return this.#list(expression);
      case 'map':
        return this.#map(expression);
      case 'struct':
        return this.#struct(expression);
      case 'comprehension':
        return this.#comprehension(expression);
    }
  }

  /** What is the same in every run costs nothing: constants, lists of constants, conversions of constants. */
  #constant(expression: Expression): Value | undefined {
    const named = this.#checked.constants.get(expression.id);
    if (named) return named;
    if (expression.form === 'literal') return expression.value;
    if (expression.form === 'list') {
      if (expression.optional.size) return undefined;
      const items = expression.elements.map((element) => this.#constant(element));
      return items.every((item) => item !== undefined) ? new PlainList(items) : undefined;
    }
    if (expression.form === 'map') return this.#constantMap(expression);
    if (expression.form !== 'call' || !FOLDABLE.has(expression.name) || expression.args.length !== 1) return undefined;
    const overload = this.#overloads(expression)[0];
    const value = overload && this.#constant(expression.args[0]!);
    if (value === undefined) return undefined;
    const folded = overload!.call(value);
    if (folded instanceof ErrorValue) throw new CelProgramError(folded.message);
    return folded;
  }

  #constantMap({ entries }: MapLiteral): Value | undefined {
    const made = new Map<string, readonly [Value, Value]>();
    for (const { key, value, optional } of entries) {
      const constant = optional ? undefined : this.#constant(key);
      const hash = constant === undefined || typeof constant === 'number' ? undefined : hashKey(constant);
      const of = this.#constant(value);
      // What is wrong with keys is said when the map is made.
      if (hash === undefined || of === undefined || made.has(hash)) return undefined;
      made.set(hash, [constant!, of]);
    }
    return new PlainMap(made);
  }

  #overloads(call: Call): readonly Overload[] {
    return this.#checked.overloads.get(call.id) ?? [];
  }

  /** What qualifiers are put behind: a name and the qualifiers behind it are one attribute, anything else becomes one at a price. */
  #operand(expression: Expression): Step {
    const step = this.step(expression);
    if (isAttribute(expression)) return step;
    return (run, scope) => {
      const value = step(run, scope);
      run.meter.charge(1);
      return value;
    };
  }

  /** What a conditional chooses between: an attribute becomes part of the conditional's own, which has no price. */
  #branch(expression: Expression): Step {
    const step = this.step(expression);
    if (!isAttribute(expression) || isConditional(expression)) return step;
    return (run, scope) => {
      const value = step(run, scope);
      run.meter.charge(-1);
      return value;
    };
  }

  #select({ id, operand, field, test }: Select): Step {
    const qualified = this.#checked.qualified.get(id);
    if (qualified !== undefined) return identifier(qualified);
    const of = test ? this.step(operand) : this.#operand(operand);
    if (test) return (run, scope) => present(of(run, scope), field);
    return (run, scope) => {
      const value = of(run, scope);
      if (value instanceof ErrorValue) return value;
      run.meter.charge(1);
      return fieldOf(value, field);
    };
  }

  #call(call: Call): Step {
    const qualified = this.#checked.qualified.get(call.id);
    const name = qualified ?? call.name.replace(/^\./, '');
    const args = call.target && qualified === undefined ? [call.target, ...call.args] : call.args;
    switch (name) {
      case '_&&_':
        return logical(this.step(args[0]!), this.step(args[1]!), false);
      case '_||_':
        return logical(this.step(args[0]!), this.step(args[1]!), true);
      case '_?_:_':
        return conditional(this.step(args[0]!), this.#branch(args[1]!), this.#branch(args[2]!));
      case '_?._':
        return optionalSelect(this.#operand(args[0]!), (args[1] as { value: string }).value);
      case '@not_strictly_false':
        return notStrictlyFalse(this.step(args[0]!));
      case '_==_':
        return equality(this.step(args[0]!), this.step(args[1]!), true);
      case '_!=_':
        return equality(this.step(args[0]!), this.step(args[1]!), false);
      case 'or':
      case 'orValue':
        if (!this.#overloads(call)[0]?.id.startsWith('optional_or')) break;
        return optionalOr(this.step(args[0]!), this.step(args[1]!), name === 'orValue');
      case '@in': {
        const constant = this.#constant(args[1]!);
        if (constant instanceof ListValue) return memberOfConstant(this.step(args[0]!), constant);
        break;
      }
      case '_[_]':
      case '_[?_]':
        return this.#index(name, this.#overloads(call), args);
    }
    return this.#strict(
      name,
      this.#overloads(call),
      args.map((argument) => this.step(argument)),
      args,
    );
  }

  /** An index that is an attribute itself becomes part of the one that it looks into, which has no price; nor has one that finds nothing. */
  #index(name: string, overloads: readonly Overload[], args: readonly Expression[]): Step {
    const [of, at] = args as [Expression, Expression];
    const [operand, index] = [this.#operand(of), this.step(at)];
    const isPart = isAttribute(at) && !isConditional(at) && this.#constant(at) === undefined;
    const place: Step = isPart ? (run, scope) => charged(run, -1, index(run, scope)) : index;
    if (name === '_[_]') return this.#strict(name, overloads, [operand, place], args);
    const found = this.#strict(name, overloads, [(run, scope) => refundable(run, operand(run, scope)), place], args);
    return (run, scope) => {
      const value = found(run, scope);
      const isNothing = value instanceof ErrorValue || (value instanceof Optional && value.value === undefined);
      return isNothing ? charged(run, -1, value) : value;
    };
  }

  /** A call that an error in an argument makes an error. */
  #strict(name: string, overloads: readonly Overload[], steps: readonly Step[], args: readonly Expression[]): Step {
    const constants = args.map((argument) => this.#constant(argument));
    const afterwards = PAID_AFTERWARDS.has(name);
    const resultWork = workOfResult(name);
    const isConstant = constants.map((constant) => constant !== undefined);
    const prepared = overloads.map((overload) => {
      const made = overload.prepare?.(constants);
      if (made instanceof ErrorValue) throw new CelProgramError(made.message);
      const { id, params } = overload;
      return {
        call: made ?? ((values: readonly Value[]) => overload.call(...values)),
        price: priceOf(name, id),
        work: workOf(name, overload, isConstant),
        // Lists may be indexed by any whole number.
        typed: INDEXED_BY_NUMBER.has(id) ? params.slice(0, 1) : params,
      };
    });
    const indexing = INDEXING.has(name);
    // A constant pattern is part of the call.
    const one = steps.length !== 2 || indexing || (MATCHING.has(name) && isConstant[1]);
    const failedPrice = prepared.length === 1 ? prepared[0]!.price : priceOf(name, '');
    return (run, scope) => {
      const values: Value[] = [];
      let failed: ErrorValue | undefined;
      for (const step of steps) {
        const value = step(run, scope);
        values.push(value);
        if (!(value instanceof ErrorValue)) continue;
        failed ??= value;
        // Of two arguments both are looked at, of more those up to the first that fails; an index behind what failed is not.
        if (one) break;
      }
      if (failed) {
        if (values.length === steps.length) run.meter.charge(failedPrice(values, failed, run.meter.work));
        return failed;
      }
      for (const { typed, call, price, work } of prepared) {
        if (!fitAll(values, typed)) continue;
        if (work) run.meter.look(work(values));
        if (!afterwards) run.meter.charge(price(values, null, run.meter.work));
        const result = call(values, run.meter.work);
        if (resultWork) run.meter.look(resultWork(result));
        if (afterwards) run.meter.charge(price(values, result, run.meter.work));
        return result;
      }
      run.meter.charge(1);
      const [operand, key] = values;
      if (!indexing) return new ErrorValue(noOverload(name, values));
      if (operand instanceof MapValue || operand instanceof ListValue || operand instanceof Optional)
        return new ErrorValue(NO_OVERLOAD);
      return name === '_[_]' ? missingKey(keyText(key!)) : new Optional(undefined);
    };
  }

  #list({ elements, optional }: ListLiteral): Step {
    const steps = elements.map((element) => this.step(element));
    return (run, scope) => {
      const items: Value[] = [];
      for (const [i, step] of steps.entries()) {
        const value = step(run, scope);
        const failed = failureOf(value, optional.has(i));
        if (failed) return charged(run, LIST_COST, failed);
        if (!optional.has(i)) items.push(value);
        else if ((value as Optional).value !== undefined) items.push((value as Optional).value!);
      }
      return charged(run, LIST_COST, new PlainList(items));
    };
  }

  #map({ entries }: MapLiteral): Step {
    const steps = entries.map(({ key, value, optional }) => ({ key: this.step(key), value: this.step(value), optional }));
    return (run, scope) => {
      const made = new Map<string, readonly [Value, Value]>();
      for (const step of steps) {
        const key = step.key(run, scope);
        if (key instanceof ErrorValue) return charged(run, MAP_COST, key);
        const value = chosen(step.value(run, scope), step.optional);
        if (value instanceof ErrorValue) return charged(run, MAP_COST, value);
        run.meter.look(textParts(key));
        const hash = hashKey(key);
        if (hash === undefined || typeof key === 'number')
          return charged(run, MAP_COST, new ErrorValue(`unsupported key type: ${typeNameOf(key)}`));
        if (made.has(hash)) return charged(run, MAP_COST, new ErrorValue(`Failed with repeated key: ${String(key)}`));
        if (value !== undefined) made.set(hash, [key, value]);
      }
      run.meter.charge(MAP_COST);
      return new PlainMap(made);
    };
  }

  #struct(expression: StructLiteral): Step {
    const type = this.#checked.types.get(expression.id);
    const name = type?.form === 'object' ? type.name : expression.type;
    const steps = expression.fields.map((field) => ({ ...field, step: this.step(field.value) }));
    return (run, scope) => {
      const made = new Map<string, readonly [Value, Value]>();
      for (const field of steps) {
        const value = chosen(field.step(run, scope), field.optional);
        if (value instanceof ErrorValue) return charged(run, STRUCT_COST, value);
        if (value !== undefined) made.set(`s${field.name}`, [field.name, value]);
      }
      run.meter.charge(STRUCT_COST);
      return new PlainMap(made, name);
    };
  }

  #comprehension(loop: Comprehension): Step {
    const [range, init, condition, step, result] = [loop.range, loop.init, loop.condition, loop.step, loop.result].map((part) =>
      this.step(part),
    ) as [Step, Step, Step, Step, Step];
    const two = loop.variable2 !== undefined;
    // What entries are put into is made anew for each run, though all maps without entries are one constant elsewhere.
    const collects = loop.init.form === 'map' && loop.accumulator === ACCUMULATOR;
    return (run, scope) => {
      const over = range(run, scope);
      if (over instanceof ErrorValue) return over;
      let accumulated = collects ? new PlainMap(new Map()) : init(run, scope);
      const end = over instanceof ListValue ? over.size : Number.POSITIVE_INFINITY;
      const keys = over instanceof MapValue ? over.keys()[Symbol.iterator]() : undefined;
      for (let i = 0; i < end; i++) {
        let first: Value;
        let second: Value | undefined;
        if (over instanceof ListValue) {
          first = two ? BigInt(i) : over.at(i);
          if (two) second = over.at(i);
        } else {
          const key = keys?.next();
          if (!key || key.done) break;
          first = key.value;
          if (two) second = (over as MapValue).get(first);
        }
        const withAccumulated = { name: loop.accumulator, value: accumulated, outer: scope };
        let inner: Scope = { name: loop.variable, value: first, outer: withAccumulated };
        if (two) inner = { name: loop.variable2!, value: second!, outer: inner };
        const goOn = condition(run, inner);
        if (goOn === false) break;
        if (goOn instanceof ErrorValue) return goOn;
        accumulated = step(run, inner);
      }
      if (!(over instanceof ListValue || over instanceof MapValue))
        return new ErrorValue(`got '${typeNameOf(over)}', expected iterable type`);
      return result(run, { name: loop.accumulator, value: accumulated, outer: scope });
    };
  }
}
