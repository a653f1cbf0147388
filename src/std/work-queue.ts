import { type Clock, setAlarm, steadyMs, type Timer } from './clock.ts';

export interface WorkQueueOptions {
  clock: Clock;
  /** First delay after a failure. Default 5 ms, as in client-go. */
  initialBackoffMs?: number;
  /** Longest delay after failures. Default 1000 s, as in client-go. */
  maxBackoffMs?: number;
  /** Told how long each key waited from when it was due. */
  waited?: (durationMs: number) => void;
}

/**
 * A queue of keys for level-triggered work. A key waits at most once; a key added while it is being worked on
 * is worked on again afterwards; no key is ever worked on twice at a time.
 *
 *     add ──► waiting ──take──► active ──done──► (gone, or waiting again if added meanwhile)
 *               ▲ after a delay │
 *               └──── retry ◄───┘
 */
export class WorkQueue<K> {
  #clock: Clock;
  #initialBackoffMs: number;
  #maxBackoffMs: number;
  /** Since when each waits. */
  #waiting = new Map<K, number>();
  #active = new Set<K>();
  #again = new Set<K>();
  #failures = new Map<K, number>();
  #timers = new Map<K, { timer: Timer; dueMs: number }>();
  #takers: ((key: K | undefined) => void)[] = [];
  #waited: WorkQueueOptions['waited'];
  #closed = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#waited = options.waited;
    this.#initialBackoffMs = options.initialBackoffMs ?? 5;
    this.#maxBackoffMs = options.maxBackoffMs ?? 1_000_000;
  }

  /** Keys that wait, now or for a delay. */
  get length(): number {
    return this.#waiting.size + this.#timers.size;
  }

  /** True when nothing waits and nothing is worked on. Keys that wait for a delay do not count. */
  get idle(): boolean {
    return this.#waiting.size === 0 && this.#active.size === 0;
  }

  add(key: K): void {
    if (this.#closed) return;
    if (this.#active.has(key)) {
      this.#again.add(key);
      return;
    }
    if (this.#waiting.has(key)) return;
    const taker = this.#takers.shift();
    if (taker) {
      this.#active.add(key);
      this.#waited?.(0);
      taker(key);
    } else this.#waiting.set(key, performance.now());
  }

  /** Adds `key` after a delay; of several delays for one key the shortest counts. */
  addAfter(key: K, delayMs: number): void {
    this.#addLater(key, delayMs, (add) => this.#clock.setTimer(delayMs, add));
  }

  /** Adds `key` when it is `timeMs`, though the machine sleep or its clock be set meanwhile. */
  addAt(key: K, timeMs: number): void {
    this.#addLater(key, timeMs - this.#clock.now(), (add) => setAlarm(this.#clock, timeMs, add));
  }

  #addLater(key: K, delayMs: number, setTimer: (add: () => void) => Timer): void {
    if (this.#closed) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = steadyMs(this.#clock) + delayMs;
    const earlier = this.#timers.get(key);
    if (earlier && earlier.dueMs <= dueMs) return;
    earlier?.timer.cancel();
    const timer = setTimer(() => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, { timer, dueMs });
  }

  /** Adds `key` after a delay that doubles with each call until `forget`. */
  retry(key: K): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.addAfter(key, Math.min(this.#maxBackoffMs, this.#initialBackoffMs * 2 ** Math.min(failures, 40)));
  }

  /** Ends the growth of `key`'s retry delays. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** How often `key` was retried since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, to be given back with `done`; undefined when the queue is closed. */
  take(): Promise<K | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    for (const [key, sinceMs] of this.#waiting) {
      this.#waiting.delete(key);
      this.#active.add(key);
      this.#waited?.(performance.now() - sinceMs);
      return Promise.resolve(key);
    }
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Says that the work on a key from `take` has ended, however it ended. */
  done(key: K): void {
    this.#active.delete(key);
    if (this.#again.delete(key)) this.add(key);
  }

  /** Lets every `take` return undefined and drops what waits. */
  close(): void {
    this.#closed = true;
    for (const { timer } of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    this.#waiting.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}
