import type { Finding } from '../finding.ts';
import type { Observations } from '../observations.ts';

/** Looks at what was seen; pure. Says nothing of what was not seen. */
export type Check = (seen: Observations) => Finding[];

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** `3 hours`, `1 hour`. */
export const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** `in 12 days`, `3 days ago`: the distance of a time from now in whole days, hours below two days, minutes below two hours. */
export function fromNow(atMs: number, nowMs: number): string {
  const distance = Math.abs(atMs - nowMs);
  const text =
    distance < 2 * HOUR_MS
      ? counted(Math.round(distance / 60_000), 'minute')
      : distance < 2 * DAY_MS
        ? counted(Math.round(distance / HOUR_MS), 'hour')
        : counted(Math.round(distance / DAY_MS), 'day');
  return atMs >= nowMs ? `in ${text}` : `${text} ago`;
}

export const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
