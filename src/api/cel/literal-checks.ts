/** Constants that can never work are refused when an expression is compiled (cel-go cel/validator.go). */
import { CodedError } from '../../std/coded-error.ts';
import type { Checked } from './checker.ts';
import { CelCompileError, type Issue } from './compile-error.ts';
import type { Expression } from './expression.ts';
import { FormatError, formatParts, wrongFormatType } from './library/format-string.ts';
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
  const compare = (parts: readonly (readonly [Expression, boolean])[], all: boolean) => {
    const [first, ...others] = parts.map(([part, optional]) => ({ part, type: typeOf(part, optional) }));
    const wanted = first?.type && formatType(first.type);
    if (wanted === undefined) return;
    for (const { part, type } of others) {
      if (!type || formatType(type) === wanted) continue;
      issues.push({ offset: part.offset, message: `expected type '${wanted}' but found '${formatType(type)}'` });
      if (!all) return;
    }
  };
  visitExpressions(expression, (part) => {
    if (exempt.has(part)) return;
    // Of a list only the first that differs is told.
    if (part.form === 'list')
      compare(
        part.elements.map((element, i) => [element, part.optional.has(i)]),
        false,
      );
    if (part.form !== 'map') return;
    compare(
      part.entries.map(({ key }) => [key, false]),
      true,
    );
    compare(
      part.entries.map(({ value, optional }) => [value, optional]),
      true,
    );
  });
  return issues;
}

/** What each verb of a format takes, as far as types tell. */
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  s: ['list', 'map', 'int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'duration', 'type', 'null'],
  d: ['int', 'uint'],
  f: ['double', 'string'],
  e: ['double', 'string'],
  b: ['int', 'uint', 'bool'],
  o: ['int', 'uint'],
  x: ['int', 'uint', 'string', 'bytes'],
};
const LONG_NAMES: Readonly<Record<string, string>> = {
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  null: 'null_type',
};

/** Formats and lists of arguments that are written out must go together (cel-go ext/formatting.go stringFormatValidator). */
function formatIssue(call: Expression & { form: 'call' }, types: ReadonlyMap<number, CelType>): Issue | undefined {
  const [list] = call.args;
  if (call.name !== 'format' || call.args.length !== 1 || list?.form !== 'list') return undefined;
  const { target } = call;
  if (target?.form !== 'literal' || typeof target.value !== 'string') return undefined;
  const { elements } = list;
  let used = 0;
  try {
    for (const part of formatParts(target.value, elements.length)) {
      if (typeof part === 'string') continue;
      const wrong = notTaken(elements[used++]!, part.verb.toLowerCase(), types);
      if (wrong) return { offset: wrong.part.offset, message: wrongFormatType(part.verb, wrong.name) };
    }
  } catch (error) {
    if (error instanceof FormatError) return { offset: call.offset, message: error.message };
    throw error;
  }
  const { length } = elements;
  if (used === length) return undefined;
  const message = `too many arguments supplied to string.format (expected ${used}, got ${length})`;
  return { offset: call.offset, message };
}

/** The argument, or the part of it where it is written out, that a verb does not take. */
function notTaken(
  part: Expression,
  verb: string,
  types: ReadonlyMap<number, CelType>,
): { readonly part: Expression; readonly name: string } | undefined {
  const type = types.get(part.id);
  if (!type || (type.form === 'simple' && (type.name === 'dyn' || type.name === 'error'))) return undefined;
  const name = type.form === 'simple' || type.form === 'opaque' || type.form === 'object' ? type.name : type.form;
  if (!TAKEN[verb]!.includes(type.form === 'opaque' || type.form === 'object' ? '' : name))
    return { part, name: Object.hasOwn(LONG_NAMES, name) ? LONG_NAMES[name]! : name };
  if (verb !== 's') return undefined;
  const inner =
    part.form === 'list' ? part.elements : part.form === 'map' ? part.entries.flatMap(({ key, value }) => [key, value]) : [];
  for (const each of inner) {
    const wrong = notTaken(each, verb, types);
    if (wrong) return wrong;
  }
  return undefined;
}

/** Throws CelCompileError naming every bad duration, timestamp and pattern, and every mixture of types. */
export function checkLiterals(source: string, { expression, types }: Checked): void {
  const issues = mixedLiterals(expression, types);
  visitExpressions(expression, (part) => {
    if (part.form !== 'call') return;
    const unformatted = formatIssue(part, types);
    if (unformatted) issues.push(unformatted);
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
