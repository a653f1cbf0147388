/**
 * Regular expressions as Go and so Kubernetes has them (RE2): matched in time linear to the text, whatever the pattern. For CEL's
 * `matches`, for `pattern` in schemas, for anything that clients give as a pattern.
 */
import { RE2JS, RE2JSException } from 're2js';
import { CodedError } from '../../std/coded-error.ts';
import { patternSize } from './pattern-size.ts';

/** Longer ones are refused: compiling takes time and memory. */
const LONGEST_PATTERN = 10_000;
/** So are those whose repeats come to more instructions: 0.1 s to compile. Go's limit is thirty times as much. */
const MOST_INSTRUCTIONS = 100_000;
/**
 * Instructions times characters. Where a pattern has too many states to keep, each character of the text is compared with each instruction,
 * 5 ns a time: a pattern of 30,000 instructions would take three minutes for 1 MB, in which nobody else has a turn.
 */
const MOST_COMPARISONS = 50_000_000;

export interface RegularExpression {
  readonly pattern: string;
  /** Why it is not compared with so long a text, though it may be with shorter ones; undefined where it is. The other calls throw that. */
  tooCostly(text: string): string | undefined;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The first match, or undefined. */
  find(text: string): string | undefined;
  /** The matches from left to right, at most `limit` of them when it is not negative. */
  findAll(text: string, limit: number): string[];
}

/** Throws REGULAR_EXPRESSION_INVALID in Go's words: ``error parsing regexp: missing closing ): `(` ``. */
export function compileRegularExpression(pattern: string): RegularExpression {
  if (pattern.length > LONGEST_PATTERN || patternSize(pattern) > MOST_INSTRUCTIONS)
    throw new CodedError('error parsing regexp: expression too large', { code: 'REGULAR_EXPRESSION_INVALID' });
  const compiled = compile(pattern);
  const instructions = compiled.programSize();
  const tooCostly = (text: string) =>
    instructions * text.length > MOST_COMPARISONS
      ? `the pattern is too complex for a text of ${text.length} characters (it has ${instructions} instructions): at most ${Math.floor(MOST_COMPARISONS / instructions)} are compared with it`
      : undefined;
  const check = (text: string) => {
    const why = tooCostly(text);
    if (why !== undefined) throw new CodedError(why, { code: 'REGULAR_EXPRESSION_TOO_COSTLY' });
  };
  return {
    pattern,
    tooCostly,
    // Without a matcher, which would look for where it is: several times as quick.
    test: (text) => {
      check(text);
      return compiled.test(text);
    },
    find: (text) => {
      check(text);
      if (!compiled.test(text)) return undefined;
      const matcher = compiled.matcher(text);
      return matcher.find() ? (matcher.group() ?? '') : undefined;
    },
    findAll: (text, limit) => {
      check(text);
      const matcher = compiled.matcher(text);
      const found: string[] = [];
      while ((limit < 0 || found.length < limit) && matcher.find()) found.push(matcher.group() ?? '');
      return found;
    },
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    if (cause instanceof RE2JSException || cause instanceof RangeError)
      throw new CodedError(cause.message, { code: 'REGULAR_EXPRESSION_INVALID', cause });
    throw cause;
  }
}
