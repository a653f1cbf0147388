/** Walks an expression's parts. */
import type { Expression } from './expression.ts';

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.form) {
    case 'literal':
    case 'identifier':
      return [];
    case 'select':
      return [expression.operand];
    case 'call':
      return expression.target ? [expression.target, ...expression.args] : expression.args;
    case 'list':
      return expression.elements;
    case 'map':
      return expression.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expression.fields.map(({ value }) => value);
    case 'comprehension':
      return [expression.range, expression.init, expression.condition, expression.step, expression.result];
  }
}

/** Calls back for the expression and everything in it, from the outside in. */
export function visitExpressions(expression: Expression, visit: (part: Expression) => void): void {
  const open = [expression];
  for (let next = open.pop(); next; next = open.pop()) {
    visit(next);
    open.push(...partsOf(next));
  }
}
