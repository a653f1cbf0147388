import { type Clock, steadyMs } from '../../std/clock.ts';

const MOST_SECONDS = 32;

interface Level {
  /** Second → how many were turned away in it; the current one is last. */
  readonly seconds: Map<number, number>;
  retryAfter: number;
  raisedAt: number;
}

/**
 * After how many seconds those come back who are turned away: the more of them there are the later
 * (apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go).
 */
export class DroppedRequests {
  readonly #clock: Pick<Clock, 'now' | 'steady'>;
  readonly #levels = new Map<string, Level>();

  constructor(clock: Pick<Clock, 'now' | 'steady'>) {
    this.#clock = clock;
  }

  /** Notes one of a priority level, and says when it is to come back. */
  note(name: string): number {
    const now = Math.floor(steadyMs(this.#clock) / 1000);
    let level = this.#levels.get(name);
    if (!level) {
      level = { seconds: new Map(), retryAfter: 1, raisedAt: 0 };
      this.#levels.set(name, level);
    }
    const known = level.seconds.get(now);
    level.seconds.set(now, (known ?? 0) + 1);
    // Of each second it is the first that judges those before.
    if (known === undefined) judge(level, now);
    return level.retryAfter;
  }
}

function judge(level: Level, now: number): void {
  const { seconds, retryAfter } = level;
  let dropped = 0;
  for (const [second, count] of seconds) {
    if (now - second > Math.min(2 * retryAfter, MOST_SECONDS)) seconds.delete(second);
    else if (second < now && now - second <= retryAfter) dropped += count;
  }
  if (now - level.raisedAt >= retryAfter && dropped >= 3 * retryAfter) {
    level.retryAfter = Math.min(2 * retryAfter, MOST_SECONDS);
    level.raisedAt = now;
  } else if (dropped < retryAfter && retryAfter > 1) level.retryAfter--;
}
