import type { Finding } from '../finding.ts';
import type { Observations } from '../observations.ts';

/** Looks at what was seen; pure. Says nothing of what was not seen. */
export type Check = (seen: Observations) => Finding[];

const DAY_MS = 86_400_000;

/** `in 12 days`, `3 days ago`: the distance of a time from now in whole days, hours below two days. */
export function fromNow(atMs: number, nowMs: number): string {
  const distance = Math.abs(atMs - nowMs);
  const text = distance < 2 * DAY_MS ? `${Math.round(distance / 3_600_000)} hours` : `${Math.round(distance / DAY_MS)} days`;
  return atMs >= nowMs ? `in ${text}` : `${text} ago`;
}

export const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
