import { nextTurn } from './next-turn.ts';

/** From this size on a pass over an object takes long enough (5 ms and more) that others are let in between two of them. */
const LARGE_BYTES = 128 * 1024;

export const isLarge = (sizeBytes: number): boolean => sizeBytes >= LARGE_BYTES;

/** To be awaited before a pass over something of this size: undefined when it is small. */
export function pauseBefore(sizeBytes: number): Promise<void> | undefined {
  return isLarge(sizeBytes) ? nextTurn() : undefined;
}

/** Work that can be left for a while at each `yield`. */
export type Steps<T> = Generator<void, T, void>;

/**
 * Lets the event loop go on between passes over something large, each of which has to be made at once. What is small is done without
 * a pause, in one turn.
 */
export class Pauses {
  #largestBytes = 0;

  /** Says how large something is that will be worked on. */
  heed(sizeBytes: number): void {
    this.#largestBytes = Math.max(this.#largestBytes, sizeBytes);
  }

  /** Whether there is a pause at each step. */
  get large(): boolean {
    return isLarge(this.#largestBytes);
  }

  /** To be awaited between two passes: undefined where there is no need to. */
  pause(): Promise<void> | undefined {
    return pauseBefore(this.#largestBytes);
  }

  /** Does all of it, with a pause at each step. */
  async run<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      const rest = this.pause();
      if (rest !== undefined) await rest;
    }
  }
}

/** Tells work on many things when it is time for a pause: after so much, whatever it is counted in. */
export class Pace {
  readonly #most: number;
  #since = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Adds what was done between two places that can pause. */
  add(amount: number): void {
    this.#since += amount;
  }

  /** Adds what was done; true when there should be a pause before more. */
  due(amount: number): boolean {
    this.#since += amount;
    if (this.#since < this.#most) return false;
    this.#since = 0;
    return true;
  }
}

/** Does all of it: with a pause at each step where there are pauses and it is large, else at once. */
export function runInTime<T>(pauses: Pauses | undefined, steps: Steps<T>): Promise<T> | T {
  return pauses?.large ? pauses.run(steps) : runAtOnce(steps);
}

/** Does all of it, with a pause at each step whatever the size: for steps that are made when enough time has gone. */
export async function runWithPauses<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await nextTurn();
  }
}

/** Does all of it without a pause. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}
