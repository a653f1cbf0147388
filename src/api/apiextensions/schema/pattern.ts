import { compileRegularExpression, type RegularExpression } from '../../cel/regular-expression.ts';

/** Patterns come from clients: no more than this many are kept compiled. */
const MOST_KEPT = 2_000;

/** What was compiled last. A memo of a pure function: it changes no answer. */
const compiled = new Map<string, RegularExpression>();

/** Whether a pattern of a schema matches anywhere in the text; in time linear to the text, as Go's. Never of a pattern that is none. */
export function matchesPattern(pattern: string, text: string): boolean {
  let expression = compiled.get(pattern);
  if (!expression) {
    expression = compileRegularExpression(pattern);
    if (compiled.size >= MOST_KEPT) compiled.clear();
    compiled.set(pattern, expression);
  }
  return expression.test(text);
}

/** Why a text is no pattern, in Go's words; undefined for one that is. */
export function patternError(pattern: string): string | undefined {
  try {
    compileRegularExpression(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
