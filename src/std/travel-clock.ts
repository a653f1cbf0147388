import { type Clock, sleepOn, systemClock, type Timer } from './clock.ts';

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  readonly fn: () => void;
  native: Timer | undefined;
}

/**
 * A clock that goes as the machine's does, and leaps ahead when told to: a cluster that was given it lives through days and years in the
 * seconds that its own work takes. A leap is what a machine sees that slept: each timer that fell due meanwhile fires once, in order, at the
 * end. So whoever wants to see what happens between two times leaps from one to the next.
 */
export class TravelClock implements Clock {
  #aheadMs: number;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  /** @param startMs what time it is for it now; default the machine's */
  constructor(startMs: number = systemClock.now()) {
    this.#aheadMs = startMs - systemClock.now();
  }

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const dueMs = this.now() + Math.max(0, delayMs);
    const waiting: Waiting = { dueMs, order: this.#order++, fn, native: undefined };
    this.#arm(waiting);
    this.#waiting.add(waiting);
    return {
      cancel: () => {
        this.#waiting.delete(waiting);
        waiting.native?.cancel();
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Leaps ahead. What fell due has been called when it returns; what that led to goes on by itself. */
  leap(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`a clock leaps ahead, not by ${ms} ms`);
    this.#aheadMs += ms;
    const nowMs = this.now();
    const due: Waiting[] = [];
    for (const waiting of this.#waiting) {
      waiting.native?.cancel();
      if (waiting.dueMs <= nowMs) due.push(waiting);
      else this.#arm(waiting);
    }
    due.sort((a, b) => a.dueMs - b.dueMs || a.order - b.order);
    for (const waiting of due) if (this.#waiting.delete(waiting)) waiting.fn();
  }

  #arm(waiting: Waiting): void {
    waiting.native = systemClock.setTimer(waiting.dueMs - this.now(), () => {
      if (this.#waiting.delete(waiting)) waiting.fn();
    });
  }
}
