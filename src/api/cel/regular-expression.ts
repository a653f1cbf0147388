/**
 * Regular expressions as Go and so Kubernetes has them (RE2): matched in time linear to the text, whatever the pattern. For CEL's
 * `matches`, for `pattern` in schemas, for anything that clients give as a pattern.
 */
import { RE2JS, RE2JSException } from 're2js';
import { CodedError } from '../../std/coded-error.ts';

/** Longer ones are refused: compiling takes time and memory. */
const LONGEST_PATTERN = 10_000;

export interface RegularExpression {
  readonly pattern: string;
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The first match, or undefined. */
  find(text: string): string | undefined;
  /** The matches from left to right, at most `limit` of them when it is not negative. */
  findAll(text: string, limit: number): string[];
}

/** Throws REGULAR_EXPRESSION_INVALID in Go's words: ``error parsing regexp: missing closing ): `(` ``. */
export function compileRegularExpression(pattern: string): RegularExpression {
  if (pattern.length > LONGEST_PATTERN)
    throw new CodedError('error parsing regexp: expression too large', { code: 'REGULAR_EXPRESSION_INVALID' });
  const compiled = compile(pattern);
  return {
    pattern,
    // Without a matcher, which would look for where it is: several times as quick.
    test: (text) => compiled.test(text),
    find: (text) => {
      if (!compiled.test(text)) return undefined;
      const matcher = compiled.matcher(text);
      return matcher.find() ? (matcher.group() ?? '') : undefined;
    },
    findAll: (text, limit) => {
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
