/** Makes the nodes of one expression: numbers them and keeps the tree from growing deeper than can be walked. */
import type { Comprehension, Entry, Expression, FieldSetting } from './expression.ts';
import type { Constant } from './values.ts';

/** Walking a tree takes a few stack frames a level. */
const DEEPEST = 1000;

/**
 * As many parts as the longest expression has when it has no macro that writes a part of it twice, as `optMap` does: each within the next
 * would double it.
 */
export const MOST_PARTS = 100_000;

/** Told by the builder, reported by the parser. */
export class TooDeep extends Error {}
export class TooLarge extends Error {}

export class ExpressionBuilder {
  readonly #heights: number[] = [0];
  /** With what is below, as often as it is. */
  readonly #sizes: number[] = [0];

  #id(...below: readonly (Expression | undefined)[]): number {
    let height = 0;
    let size = 1;
    for (const child of below) {
      if (!child) continue;
      height = Math.max(height, this.#heights[child.id]!);
      size += this.#sizes[child.id]!;
    }
    if (height >= DEEPEST) throw new TooDeep();
    if (size > MOST_PARTS) throw new TooLarge();
    this.#sizes.push(size);
    return this.#heights.push(height + 1) - 1;
  }

  literal(offset: number, value: Constant): Expression {
    return { form: 'literal', id: this.#id(), offset, value };
  }
  identifier(offset: number, name: string): Expression {
    return { form: 'identifier', id: this.#id(), offset, name };
  }
  select(offset: number, operand: Expression, field: string, test = false): Expression {
    return { form: 'select', id: this.#id(operand), offset, operand, field, test };
  }
  call(offset: number, name: string, ...args: Expression[]): Expression {
    return { form: 'call', id: this.#id(...args), offset, name, target: undefined, args };
  }
  memberCall(offset: number, name: string, target: Expression, args: readonly Expression[]): Expression {
    return { form: 'call', id: this.#id(target, ...args), offset, name, target, args };
  }
  list(offset: number, elements: readonly Expression[], optional: ReadonlySet<number> = new Set()): Expression {
    return { form: 'list', id: this.#id(...elements), offset, elements, optional };
  }
  entry(offset: number, key: Expression, value: Expression, optional: boolean): Entry {
    return { id: this.#id(), offset, key, value, optional };
  }
  map(offset: number, entries: readonly Entry[]): Expression {
    return { form: 'map', id: this.#id(...entries.flatMap(({ key, value }) => [key, value])), offset, entries };
  }
  field(offset: number, name: string, value: Expression, optional: boolean): FieldSetting {
    return { id: this.#id(), offset, name, value, optional };
  }
  struct(offset: number, type: string, fields: readonly FieldSetting[]): Expression {
    return { form: 'struct', id: this.#id(...fields.map(({ value }) => value)), offset, type, fields };
  }
  comprehension(parts: Omit<Comprehension, 'form' | 'id'>): Expression {
    return { form: 'comprehension', id: this.#id(parts.range, parts.init, parts.condition, parts.step, parts.result), ...parts };
  }
}
