import { CodedError } from '../../../std/coded-error.ts';
import { patternSize } from '../../cel/pattern-size.ts';
import { compileRegularExpression, type RegularExpression } from '../../cel/regular-expression.ts';

/** Patterns come from clients: no more are kept compiled than are so many, or are so large together. */
const MOST_KEPT = 2_000;
const MOST_KEPT_SIZE = 1_000_000;

/** What compiling takes for each instruction of a pattern, in steps of searches. */
const COMPILE_STEPS = 800;

interface Kept {
  /** Or why it could not be compiled. */
  readonly expression: RegularExpression | string;
  readonly size: number;
}

/** What was compiled last. Memos of pure functions: they change no answer. */
const compiled = new Map<string, Kept>();
let compiledSize = 0;

/** Of patterns that were looked at, why they are none, with the characters that those have: as many as a definition can have. */
const known = new Map<string, string | undefined>();
let knownLength = 0;
const MOST_KNOWN = 4 * 1024 * 1024;

/** `steps`: gets what it took. */
function compile(pattern: string, steps?: { taken: number }): RegularExpression | string {
  const kept = compiled.get(pattern);
  if (kept) return kept.expression;
  const size = patternSize(pattern);
  let expression: RegularExpression | string;
  try {
    expression = compileRegularExpression(pattern);
  } catch (error) {
    expression = (error as Error).message;
  }
  if (steps) steps.taken += size * COMPILE_STEPS;
  compiled.set(pattern, { expression, size });
  compiledSize += size;
  for (const [oldest, { size: freed }] of compiled) {
    if (compiled.size <= MOST_KEPT && compiledSize <= MOST_KEPT_SIZE) break;
    compiled.delete(oldest);
    compiledSize -= freed;
  }
  return expression;
}

/**
 * Whether a pattern of a schema matches anywhere in the text, in time linear to the text, as Go's; what is no pattern matches nothing. Or why
 * the text is not compared with it. What it took is added to `steps`.
 */
export function comparePattern(pattern: string, text: string, steps: { taken: number; readonly most: number }): boolean | string {
  const made = compile(pattern, steps);
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
  if (known.has(pattern)) return known.get(pattern);
  const made = compile(pattern);
  const why = typeof made === 'string' ? made : undefined;
  if (knownLength + pattern.length > MOST_KNOWN) {
    known.clear();
    knownLength = 0;
  }
  known.set(pattern, why);
  knownLength += pattern.length;
  return why;
}
