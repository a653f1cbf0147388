/** What parts of expressions do when they run. `plan.ts` puts them together. */
import { contains, equalValues } from './equality.ts';
import type { Expression } from './expression.ts';
import { type Meter, priceOf } from './runtime-cost.ts';
import { ErrorValue, hashKey, ListValue, MapValue, Optional, type Value } from './values.ts';
import { textParts } from './work.ts';

/** A variable's value, undefined when it has none. */
export type Activation = (name: string) => Value | undefined;

export interface Scope {
  readonly name: string;
  readonly value: Value;
  readonly outer: Scope | undefined;
}
export interface Run {
  readonly meter: Meter;
  readonly activation: Activation;
}
export type Step = (run: Run, scope: Scope | undefined) => Value;

export const NO_OVERLOAD = 'no such overload';

/** The value of an entry: undefined when it is optional and there is none. */
export function chosen(value: Value, optional: boolean): Value | undefined {
  if (!optional || value instanceof ErrorValue) return value;
  return value instanceof Optional ? value.value : new ErrorValue(NO_OVERLOAD);
}

export function isAttribute(expression: Expression): boolean {
  if (expression.form === 'identifier') return true;
  if (expression.form === 'select') return !expression.test;
  return expression.form === 'call' && ['_[_]', '_[?_]', '_?._', '_?_:_'].includes(expression.name);
}

export function identifier(written: string): Step {
  const name = written.replace(/^\./, '');
  const outermost = written !== name;
  return (run, scope) => {
    run.meter.charge(1);
    if (!outermost) for (let local = scope; local; local = local.outer) if (local.name === name) return local.value;
    const value = run.activation(name);
    return value === undefined ? new ErrorValue(`no such attribute(s): ${name}`) : value;
  };
}

export function fieldOf(value: Value, field: string): Value {
  if (value instanceof MapValue) {
    const found = value.get(field);
    return found === undefined ? new ErrorValue(`no such key: ${field}`) : found;
  }
  if (value instanceof ErrorValue) return value;
  if (value instanceof Optional) return value.value === undefined ? value : optionalField(value.value, field);
  return value instanceof ListValue ? new ErrorValue(NO_OVERLOAD) : missingKey(field);
}

/** Null, text and numbers have no fields and no items. */
export const missingKey = (key: string): ErrorValue => new ErrorValue(`no such key: ${key}`);

export function optionalField(value: Value, field: string): Value {
  if (value instanceof ErrorValue) return value;
  if (value instanceof Optional) return value.value === undefined ? value : optionalField(value.value, field);
  if (value instanceof MapValue) return new Optional(value.get(field));
  return value instanceof ListValue ? new ErrorValue(NO_OVERLOAD) : new Optional(undefined);
}

export function present(value: Value, field: string): Value {
  if (value instanceof ErrorValue) return value;
  if (value instanceof MapValue) return value.get(field) !== undefined;
  if (value instanceof Optional) return value.value !== undefined && present(value.value, field);
  return value instanceof ListValue ? new ErrorValue(NO_OVERLOAD) : false;
}

export function optionalSelect(operand: Step, field: string): Step {
  return (run, scope) => {
    const value = operand(run, scope);
    if (value instanceof ErrorValue) return value;
    const found = optionalField(value, field);
    // What finds nothing has no price.
    if (!(found instanceof Optional && found.value === undefined)) run.meter.charge(1);
    return found;
  };
}

/** `&&` (absorbing false) and `||` (absorbing true): one side may be an error when the other decides. */
export function logical(left: Step, right: Step, absorbing: boolean): Step {
  return (run, scope) => {
    const a = left(run, scope);
    if (a === absorbing) return absorbing;
    const b = right(run, scope);
    if (b === absorbing) return absorbing;
    if (a === !absorbing && b === !absorbing) return !absorbing;
    if (a instanceof ErrorValue) return a;
    return b instanceof ErrorValue ? b : new ErrorValue(NO_OVERLOAD);
  };
}

export function conditional(test: Step, yes: Step, no: Step): Step {
  return (run, scope) => {
    const decided = test(run, scope);
    if (decided === true) return yes(run, scope);
    if (decided === false) return no(run, scope);
    return decided instanceof ErrorValue ? decided : new ErrorValue(NO_OVERLOAD);
  };
}

/** `or` and `orValue`: the second is not looked at where the first has a value. */
export function optionalOr(first: Step, second: Step, unwraps: boolean): Step {
  return (run, scope) => {
    const optional = first(run, scope);
    if (optional instanceof ErrorValue) return optional;
    if (!(optional instanceof Optional)) return new ErrorValue(NO_OVERLOAD);
    if (optional.value === undefined) return second(run, scope);
    return unwraps ? optional.value : optional;
  };
}

export function notStrictlyFalse(operand: Step): Step {
  return (run, scope) => {
    const value = operand(run, scope);
    run.meter.charge(1);
    return value !== false;
  };
}

export function equality(left: Step, right: Step, wanted: boolean): Step {
  const price = wanted ? priceOf('_==_', 'equals') : priceOf('_!=_', 'not_equals');
  return (run, scope) => {
    const a = left(run, scope);
    const b = right(run, scope);
    run.meter.charge(price([a, b], wanted, run.meter.work));
    if (a instanceof ErrorValue) return a;
    if (b instanceof ErrorValue) return b;
    return equalValues(a, b, run.meter.work) === wanted;
  };
}

export function memberOfConstant(operand: Step, list: ListValue): Step {
  const hashes = new Set([...list].map(hashKey));
  return (run, scope) => {
    const value = operand(run, scope);
    if (value instanceof ErrorValue) return value;
    run.meter.look(textParts(value));
    const hash = hashKey(value);
    return hash !== undefined && !hashes.has(undefined) ? hashes.has(hash) : contains(list, value, run.meter.work);
  };
}
