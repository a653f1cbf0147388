/**
 * Regular expressions as Go and so Kubernetes has them (RE2): matched in time linear to the text, whatever the pattern. For CEL's
 * `matches`, for `pattern` in schemas, for anything that clients give as a pattern.
 */
import { RE2JS, RE2JSException } from 're2js';
import { CodedError } from '../../std/coded-error.ts';
import { patternProgram } from './pattern-program.ts';
import { PatternSearch, type Steps, TooManySteps } from './pattern-search.ts';
import { patternSize } from './pattern-size.ts';

/** Longer ones are refused: compiling takes time and memory. */
const LONGEST_PATTERN = 10_000;
/** So are those whose repeats come to more instructions. Go's limit is a hundred times as much. */
const MOST_INSTRUCTIONS = 30_000;
/**
 * Instructions that are followed in one call, 5 to 12 ns each. Where a pattern has too many states to remember, each character of the text is
 * compared with each instruction: a pattern of 30,000 would take minutes for 1 MB, in which nobody else has a turn.
 */
const MOST_STEPS = 3_000_000;

export interface RegularExpression {
  readonly pattern: string;
  /**
   * Whether it matches anywhere in the text. What that took is added to `steps`, whose limit holds besides that of one call. Throws
   * REGULAR_EXPRESSION_TOO_COSTLY, as the other calls do, when it takes more.
   */
  test(text: string, steps?: Steps): boolean;
  /** The first match, or undefined. */
  find(text: string, steps?: Steps): string | undefined;
  /** The matches from left to right, at most `limit` of them when it is not negative. */
  findAll(text: string, limit: number, steps?: Steps): string[];
}

/** Throws REGULAR_EXPRESSION_INVALID in Go's words: ``error parsing regexp: missing closing ): `(` ``. */
export function compileRegularExpression(pattern: string): RegularExpression {
  if (pattern.length > LONGEST_PATTERN || patternSize(pattern) > MOST_INSTRUCTIONS)
    throw new CodedError('error parsing regexp: expression too large', { code: 'REGULAR_EXPRESSION_INVALID' });
  return new Compiled(pattern, compile(pattern));
}

class Compiled implements RegularExpression {
  readonly pattern: string;
  readonly #search: PatternSearch;
  readonly #size: number;

  constructor(pattern: string, compiled: RE2JS) {
    this.pattern = pattern;
    this.#search = new PatternSearch(patternProgram(compiled));
    this.#size = compiled.programSize();
  }

  test(text: string, steps?: Steps): boolean {
    return this.#within(text, steps, (own) => this.#search.test(text, own));
  }

  find(text: string, steps?: Steps): string | undefined {
    return this.findAll(text, 1, steps)[0];
  }

  /** As Go's FindAllString: nothing is found right behind what was found. */
  findAll(text: string, limit: number, steps?: Steps): string[] {
    return this.#within(text, steps, (own) => {
      const found: string[] = [];
      if (limit === 0 || !this.#search.test(text, own)) return found;
      let lastEnd = -1;
      for (let from = 0; from <= text.length && found.length !== limit; ) {
        const match = this.#search.find(text, from, own);
        if (!match) break;
        const [start, end] = match;
        if (end > start || start !== lastEnd) found.push(text.slice(start, end));
        lastEnd = end;
        from = end > from ? end : from + (text.codePointAt(from)! > 0xffff ? 2 : 1);
      }
      return found;
    });
  }

  #within<T>(text: string, steps: Steps | undefined, work: (own: Steps) => T): T {
    const own = { taken: 0, most: Math.min(MOST_STEPS, steps ? steps.most - steps.taken : MOST_STEPS) };
    try {
      return work(own);
    } catch (error) {
      if (!(error instanceof TooManySteps)) throw error;
      const why = `the pattern is too complex for a text of ${text.length} characters: it has ${this.#size} instructions, of which more than ${own.most} would have to be followed`;
      throw new CodedError(why, { code: 'REGULAR_EXPRESSION_TOO_COSTLY', cause: error });
    } finally {
      if (steps) steps.taken += own.taken;
    }
  }
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
