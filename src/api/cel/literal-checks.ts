/** Constants that can never work are refused when an expression is compiled (cel-go cel/validator.go). */
import { CodedError } from '../../std/coded-error.ts';
import { CelCompileError, type Issue } from './compile-error.ts';
import type { Expression } from './expression.ts';
import { compileRegularExpression } from './regular-expression.ts';
import { parseCelDuration, parseTimestamp } from './time-values.ts';
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

/** Throws CelCompileError naming every bad duration, timestamp and pattern. */
export function checkLiterals(source: string, expression: Expression): void {
  const issues: Issue[] = [];
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
