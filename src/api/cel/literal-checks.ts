/** Constants that can never work are refused when an expression is compiled (cel-go cel/validator.go). */
import { CodedError } from '../../std/coded-error.ts';
import type { Checked } from './checker.ts';
import { CelCompileError, type Issue } from './compile-error.ts';
import type { Expression } from './expression.ts';
import { compileRegularExpression } from './regular-expression.ts';
import { parseCelDuration, parseTimestamp } from './time-values.ts';
import { type CelType, formatType } from './types.ts';
import { visitExpressions } from './visit.ts';

function isPattern(text: string): boolean {
  try {
    compileRegularExpression(text);
    return true;
  } catch (error) {
    if (error instanceof CodedError) return false;
    throw error;
  }
}

/** Lists and maps whose parts are not all of one type, `dyn` being one of its own; the arguments of `format` may mix. */
function mixedLiterals(expression: Expression, types: ReadonlyMap<number, CelType>): Issue[] {
  const issues: Issue[] = [];
  const exempt = new Set<Expression>();
  visitExpressions(expression, (part) => {
    if (part.form === 'call' && part.name === 'format') visitExpressions(part, (inner) => exempt.add(inner));
  });
  const typeOf = (part: Expression, optional: boolean) => {
    const type = types.get(part.id);
    return type && (optional && type.form === 'opaque' ? (type.parameters[0] ?? type) : type);
  };
  /** Says what is wrong with the first that differs. */
  const compare = (parts: readonly (readonly [Expression, boolean])[]) => {
    const [first, ...others] = parts.map(([part, optional]) => ({ part, type: typeOf(part, optional) }));
    const wanted = first?.type && formatType(first.type);
    const other = others.find(({ type }) => wanted !== undefined && type && formatType(type) !== wanted);
    if (other)
      issues.push({ offset: other.part.offset, message: `expected type '${wanted}' but found '${formatType(other.type!)}'` });
  };
  visitExpressions(expression, (part) => {
    if (exempt.has(part)) return;
    if (part.form === 'list') compare(part.elements.map((element, i) => [element, part.optional.has(i)]));
    if (part.form !== 'map') return;
    compare(part.entries.map(({ key }) => [key, false]));
    compare(part.entries.map(({ value, optional }) => [value, optional]));
  });
  return issues;
}

/** Throws CelCompileError naming every bad duration, timestamp and pattern, and every mixture of types. */
export function checkLiterals(source: string, { expression, types }: Checked): void {
  const issues = mixedLiterals(expression, types);
  visitExpressions(expression, (part) => {
    if (part.form !== 'call') return;
    const argument = part.args.at(-1);
    if (argument?.form !== 'literal' || typeof argument.value !== 'string') return;
    const text = argument.value;
    const bad =
      (part.name === 'duration' && !parseCelDuration(text)) ||
      (part.name === 'timestamp' && !parseTimestamp(text)) ||
      (part.name === 'matches' && !isPattern(text));
    if (bad) issues.push({ offset: argument.offset, message: `invalid ${part.name} argument` });
  });
  if (issues.length) throw new CelCompileError(source, issues);
}
