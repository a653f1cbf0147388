/** The syntax tree of an expression, macros unfolded (cel-go common/ast). */
import type { Constant } from './values.ts';

interface Node {
  /** Unique within an expression. */
  readonly id: number;
  readonly offset: number;
}
export interface Literal extends Node {
  readonly form: 'literal';
  readonly value: Constant;
}
export interface Identifier extends Node {
  readonly form: 'identifier';
  readonly name: string;
}
/** `a.b`; `test`: `has(a.b)`. */
export interface Select extends Node {
  readonly form: 'select';
  readonly operand: Expression;
  readonly field: string;
  readonly test: boolean;
}
/** `f(x)`, `target.f(x)`, and operators under their names (`_+_`). */
export interface Call extends Node {
  readonly form: 'call';
  readonly name: string;
  readonly target: Expression | undefined;
  readonly args: readonly Expression[];
}
export interface ListLiteral extends Node {
  readonly form: 'list';
  readonly elements: readonly Expression[];
  /** Places of `?element`. */
  readonly optional: ReadonlySet<number>;
}
export interface Entry extends Node {
  readonly key: Expression;
  readonly value: Expression;
  readonly optional: boolean;
}
export interface MapLiteral extends Node {
  readonly form: 'map';
  readonly entries: readonly Entry[];
}
export interface FieldSetting extends Node {
  readonly name: string;
  readonly value: Expression;
  readonly optional: boolean;
}
export interface StructLiteral extends Node {
  readonly form: 'struct';
  readonly type: string;
  readonly fields: readonly FieldSetting[];
}
/** A loop over `range`: `accumulator` begins as `init` and becomes `step` while `condition` holds; `result` is the value. */
export interface Comprehension extends Node {
  readonly form: 'comprehension';
  readonly variable: string;
  readonly variable2: string | undefined;
  readonly range: Expression;
  readonly accumulator: string;
  readonly init: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}
export type Expression = Literal | Identifier | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension;

/** The variable that macros accumulate in: no expression can name it. */
export const ACCUMULATOR = '@result';
