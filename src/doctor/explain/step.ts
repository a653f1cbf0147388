import { visibleLine } from '../../std/visible-text.ts';

/** One step on a node's way into the cluster. */
export interface Step {
  /** `done`; `missing`: it has not happened or does not hold; `waiting`: others must act first; `unknown`: it could not be looked at. */
  readonly state: 'done' | 'missing' | 'waiting' | 'unknown';
  readonly title: string;
  readonly seen: string;
  readonly wanted?: string;
  /** The command that mends it. */
  readonly remedy?: string;
  /** When it happened. */
  readonly atMs?: number;
}

/** A time of an object in ms; undefined for what is none. */
export function timeOf(text: unknown): number | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

const MARKS: Readonly<Record<Step['state'], string>> = { done: '✓', missing: '✗', waiting: '…', unknown: '?' };

/** The steps as lines, with the seconds between those whose time is known. */
export function stepLines(steps: readonly Step[]): string[] {
  let lastMs: number | undefined;
  return steps.flatMap(({ state, title, seen, wanted, remedy, atMs }) => {
    const since = atMs !== undefined && lastMs !== undefined ? ` (+${Math.max(0, Math.round((atMs - lastMs) / 1000))} s)` : '';
    if (atMs !== undefined) lastMs = Math.max(atMs, lastMs ?? atMs);
    const line = `${MARKS[state]} ${title}: ${seen}${since}`;
    const more =
      state === 'done' ? [] : [...(wanted ? [`    wanted: ${wanted}`] : []), ...(remedy ? [`    mend:   ${remedy}`] : [])];
    return [line, ...more].map(visibleLine);
  });
}

/** Where the time went: the longest stretch between two steps, in whole seconds. */
export function longestStretch(steps: readonly Step[]): { readonly before: string; readonly seconds: number } | undefined {
  const timed = steps.filter((step) => step.atMs !== undefined).sort((a, b) => a.atMs! - b.atMs!);
  let longest: { before: string; seconds: number } | undefined;
  for (let i = 1; i < timed.length; i++) {
    const seconds = Math.round((timed[i]!.atMs! - timed[i - 1]!.atMs!) / 1000);
    if (seconds > (longest?.seconds ?? 0)) longest = { before: timed[i]!.title, seconds };
  }
  return longest;
}
