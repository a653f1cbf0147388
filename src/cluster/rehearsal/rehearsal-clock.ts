import { type Clock, sleepOn, type Timer } from '../../std/clock.ts';

interface Waiting {
  readonly dueMs: number;
  readonly order: number;
  fn: (() => void) | undefined;
}

/**
 * A clock that is moved by whoever rehearses. Timers wait in a heap, so that ten thousand of them cost no more than the logarithm.
 * Unlike a clock of the world it may also leap: over a stretch in which nothing is to be observed, each timer that falls due fires once, at
 * the end, as on a machine that slept.
 */
export class RehearsalClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #heap: Waiting[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const timer: Waiting = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#push(timer);
    return {
      cancel: () => {
        timer.fn = undefined;
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** When the next timer is due; undefined when none waits. */
  get nextDueMs(): number | undefined {
    while (this.#heap[0] && !this.#heap[0].fn) this.#pop();
    return this.#heap[0]?.dueMs;
  }

  /** Moves on to the next timer and fires it. */
  step(): void {
    const dueMs = this.nextDueMs;
    if (dueMs === undefined) return;
    this.#nowMs = Math.max(this.#nowMs, dueMs);
    this.#pop()!.fn!();
  }

  /** Moves on at once; what falls due until then fires at the end, in order, once. Timers that these set anew count from there. */
  leapTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
    const due: Waiting[] = [];
    for (let dueMs = this.nextDueMs; dueMs !== undefined && dueMs <= this.#nowMs; dueMs = this.nextDueMs) due.push(this.#pop()!);
    for (const timer of due) timer.fn?.();
  }

  #push(timer: Waiting): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): Waiting | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (!last || last === top) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

const before = (a: Waiting, b: Waiting) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

/** The same time, wrong by `offsetMs`: a machine whose clock is ahead, or behind. */
export function skewed(clock: Clock, offsetMs: () => number): Clock {
  return {
    now: () => clock.now() + offsetMs(),
    setTimer: (delayMs, fn) => clock.setTimer(delayMs, fn),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
}
