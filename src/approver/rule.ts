import type { RequestFacts } from './request-facts.ts';

/**
 * What comes of a rule: it holds; it is broken, and that is proven, so that the request is to be denied; or it cannot be told (yet), so
 * that the request has to wait.
 */
export type Verdict = 'holds' | 'broken' | 'unproven';

export interface Finding {
  readonly verdict: Verdict;
  /** What the request or the cluster has, in words for people. */
  readonly seen: string;
  /** What would have been right. */
  readonly wanted?: string;
  /** When to look again; without it, when something changes. */
  readonly retryAfterMs?: number;
}

export type Purpose = 'serving' | 'client';

export interface Rule {
  /** Never changes its meaning; the label of metrics and the anchor of the documentation. */
  readonly code: `APV-${number}`;
  /** One word in upper camel case: the reason of conditions and Events. */
  readonly name: string;
  /** What must hold, in one sentence. */
  readonly sentence: string;
  /** Which requests it is for; both when not given. */
  readonly purpose?: Purpose;
  /** Whether a request for which it does not hold waits for that alone, before any source is asked. */
  readonly putsAside?: true;
  /** The command or change that mends it, with `NODE` and `CSR` for the names. */
  readonly remedy: string;
  /** Pure. Called only when the rules before it left something to look at. */
  check(facts: RequestFacts): Finding;
}

export const holds = (seen: string): Finding => ({ verdict: 'holds', seen });
export const broken = (seen: string, wanted?: string): Finding => ({ verdict: 'broken', seen, wanted });
export const unproven = (seen: string, wanted?: string, retryAfterMs?: number): Finding => ({
  verdict: 'unproven',
  seen,
  wanted,
  retryAfterMs,
});

/** Values of a request in a message: quoted, shortened, and in ASCII, so that a letter that looks like another one does not pass for it. */
export function quote(values: readonly string[] | string): string {
  const list = typeof values === 'string' ? [values] : values;
  const shown = list
    .slice(0, MOST_QUOTED)
    .map((value) => inAscii(JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value)));
  return shown.join(', ') + (list.length > MOST_QUOTED ? ` and ${list.length - MOST_QUOTED} more` : '');
}

const MOST_QUOTED = 5;

const inAscii = (text: string) =>
  text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
