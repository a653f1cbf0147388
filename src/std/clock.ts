/** A timer that can be cancelled; cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as a parameter. Everything that reads the time or waits takes one of these, so that a test
 * can move a whole cluster through a year.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds from some point on, by a clock that nobody sets. Absent: the time itself is never set. To be asked by `steadyMs`. */
  steady?(): number;
  /** Calls `fn` once, after `delayMs`. A pending timer does not keep the process alive. */
  setTimer(delayMs: number, fn: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** What tells how long something has lasted, in milliseconds, whatever is done to the machine's clock meanwhile. Only differences count. */
export const steadyMs = (clock: Pick<Clock, 'now' | 'steady'>): number => clock.steady?.() ?? clock.now();

/** How often the time is looked at by those who wait for one. */
const LOOK_MS = 60_000;

/**
 * Calls `fn` once, when it is `dueMs`, however it came to be: a machine that slept, or whose clock was set, has its timers wait for what
 * they were given all the same, and what has to be done by a certain time would be late by that.
 */
export function setAlarm(clock: Pick<Clock, 'now' | 'steady' | 'setTimer'>, dueMs: number, fn: () => void): Timer {
  const longestMs = clock.steady ? LOOK_MS : Number.POSITIVE_INFINITY;
  let timer: Timer;
  const arm = () => {
    const leftMs = Math.max(0, dueMs - clock.now());
    timer = clock.setTimer(Math.min(leftMs, longestMs), () => (clock.steady && clock.now() < dueMs ? arm() : fn()));
  };
  arm();
  return { cancel: () => timer.cancel() };
}

/** Resolves when it is `dueMs`, as `setAlarm`; rejects with the signal's reason when it is aborted first. */
export const sleepUntil = (
  clock: Pick<Clock, 'now' | 'steady' | 'setTimer'>,
  dueMs: number,
  signal?: AbortSignal,
): Promise<void> => sleepOn({ setTimer: (_, fn) => setAlarm(clock, dueMs, fn) }, 0, signal);

/** A `sleep` out of a clock's timers. */
export function sleepOn(clock: Pick<Clock, 'setTimer'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

// Node clamps longer delays to 1 ms, which would turn "in a month" into a busy loop.
const LONGEST_NATIVE_TIMER_MS = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  setTimer(delayMs, fn) {
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      const step = Math.min(Math.max(leftMs, 0), LONGEST_NATIVE_TIMER_MS);
      handle = setTimeout(() => (leftMs > step ? arm(leftMs - step) : fn()), step);
      handle.unref();
    };
    arm(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(systemClock, delayMs, signal),
};

interface VirtualTimer {
  dueMs: number;
  order: number;
  fn: () => void;
}

/** A clock that moves only when told to. Timers fire in order of due time, then of creation. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  #timers = new Set<VirtualTimer>();

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on by `deltaMs`, firing what falls due and letting promises settle after each timer. */
  async advance(deltaMs: number): Promise<void> {
    const endMs = this.#nowMs + deltaMs;
    for (;;) {
      await settle();
      const next = this.#nextDue(endMs);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fn();
    }
    this.#nowMs = endMs;
    await settle();
  }

  #nextDue(endMs: number): VirtualTimer | undefined {
    let best: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (!best || timer.dueMs < best.dueMs || (timer.dueMs === best.dueMs && timer.order < best.order)) best = timer;
    }
    return best;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
