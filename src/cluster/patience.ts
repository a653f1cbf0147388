import type { Clock, Timer } from '../std/clock.ts';

/** A wait that is given up when nothing has come further for a while, however long it takes while something does. */
export class Patience {
  readonly #clock: Clock;
  readonly #lastsMs: number;
  readonly #lost: () => void;
  #timer: Timer;

  constructor(clock: Clock, lastsMs: number, lost: () => void) {
    this.#clock = clock;
    this.#lastsMs = lastsMs;
    this.#lost = lost;
    this.#timer = clock.setTimer(lastsMs, lost);
  }

  /** Begins anew. */
  renew(): void {
    this.#timer.cancel();
    this.#timer = this.#clock.setTimer(this.#lastsMs, this.#lost);
  }

  end(): void {
    this.#timer.cancel();
  }
}
