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

/** Why a text is too long to be compared with a pattern; undefined where it is compared, and for what is no pattern. */
export function tooCostlyToMatch(pattern: string, text: string): string | undefined {
  const made = compile(pattern);
  return typeof made === 'string' ? undefined : made.tooCostly(text);
}

/** Whether a pattern of a schema matches anywhere in the text, in time linear to the text, as Go's; what is no pattern matches nothing. Not for a text that `tooCostlyToMatch`. */
export function matchesPattern(pattern: string, text: string): boolean {
  const made = compile(pattern);
  return typeof made !== 'string' && made.test(text);
}

/** Why a text is no pattern, in Go's words; undefined for one that is. */
export function patternError(pattern: string): string | undefined {
  const made = compile(pattern);
  return typeof made === 'string' ? made : undefined;
}
