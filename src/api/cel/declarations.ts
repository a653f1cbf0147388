/** What expressions may call, and how the checker, the evaluator and the cost rules see it. */
import type { CelType } from './types.ts';
import type { ErrorValue, Value } from './values.ts';
import type { Work } from './work.ts';

/** One way to call a function. `call` gets values that fit `params`; it returns an ErrorValue for what cannot be done. */
export interface Overload {
  /** As cel-go names it: `size_string`. */
  readonly id: string;
  /** Called as `first.name(rest)`. */
  readonly member: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  readonly call: (...args: Value[]) => Value;
  /**
   * A `call` for the constants given (undefined: not constant) that is quicker or counts what it does, made once when an expression is
   * compiled. An ErrorValue for constants that can never have a value: the expression is refused.
   */
  readonly prepare?: (constants: readonly (Value | undefined)[]) => CountedCall | ErrorValue | undefined;
}

/** Adds to `work` what it looked at; throws CostLimitReached when that is too much. */
export type CountedCall = (args: readonly Value[], work: Work) => Value;

export interface FunctionDeclaration {
  readonly name: string;
  readonly overloads: readonly Overload[];
}

/** Names the types that it takes; `params` guarantee them, which TypeScript cannot see. */
type Implementation = (...args: never[]) => Value;

export function overload(id: string, params: readonly CelType[], result: CelType, call: Implementation): Overload {
  return { id, member: false, params, result, call: call as Overload['call'] };
}

export function member(id: string, params: readonly CelType[], result: CelType, call: Implementation): Overload {
  return { id, member: true, params, result, call: call as Overload['call'] };
}

/** As `overload`, with a call that counts what it looks at: for what compares whole values, which may be as deep as they like. */
export function countedOverload(id: string, params: readonly CelType[], result: CelType, counted: Counted): Overload {
  return { id, member: false, params, result, call: UNCOUNTED, prepare: () => counted as CountedCall };
}

export function countedMember(id: string, params: readonly CelType[], result: CelType, counted: Counted): Overload {
  return { ...countedOverload(id, params, result, counted), member: true };
}

type Counted = (args: readonly never[], work: Work) => Value;

const UNCOUNTED = (): never => {
  throw new Error('a call that is to be counted was not prepared');
};

export const declare = (name: string, ...overloads: Overload[]): FunctionDeclaration => ({ name, overloads });

/** Functions by name; those that are declared twice have the overloads of both. */
export function functionTable(declarations: readonly FunctionDeclaration[]): ReadonlyMap<string, FunctionDeclaration> {
  const table = new Map<string, FunctionDeclaration>();
  for (const { name, overloads } of declarations) {
    const known = table.get(name);
    table.set(name, { name, overloads: [...(known?.overloads ?? []), ...overloads] });
  }
  return table;
}
