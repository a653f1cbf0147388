import { CodedError } from '../../../std/coded-error.ts';
import { compileRegularExpression, type RegularExpression } from '../../cel/regular-expression.ts';

/** Patterns come from clients: no more than this many are kept compiled. */
const MOST_KEPT = 2_000;

/** What was compiled last, or why it could not be. A memo of a pure function: it changes no answer. */
const compiled = new Map<string, RegularExpression | string>();

function compile(pattern: string): RegularExpression | string {
  let made = compiled.get(pattern);
  if (made === undefined) {
    try {
      made = compileRegularExpression(pattern);
    } catch (error) {
      made = (error as Error).message;
    }
    if (compiled.size >= MOST_KEPT) compiled.clear();
    compiled.set(pattern, made);
  }
  return made;
}

/**
 * Whether a pattern of a schema matches anywhere in the text, in time linear to the text, as Go's; what is no pattern matches nothing. Or why
 * the text is not compared with it. What it took is added to `steps`.
 */
export function comparePattern(pattern: string, text: string, steps: { taken: number; readonly most: number }): boolean | string {
  const made = compile(pattern);
  if (typeof made === 'string') return false;
  try {
    return made.test(text, steps);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error.message;
  }
}

/** Why a text is no pattern, in Go's words; undefined for one that is. */
export function patternError(pattern: string): string | undefined {
  const made = compile(pattern);
  return typeof made === 'string' ? made : undefined;
}
