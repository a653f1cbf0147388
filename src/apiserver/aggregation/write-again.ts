import type { Clock, Timer } from '../../std/clock.ts';

/** The store may be away for longer than a request waits for it. */
const AGAIN_MS = 10_000;

/** Has writes that failed tried again a while later, each name's once, until it is closed. */
export class WriteAgain {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #waiting = new Map<string, Timer>();
  #closed = false;

  constructor(clock: Pick<Clock, 'setTimer'>) {
    this.#clock = clock;
  }

  later(name: string, write: () => void): void {
    if (this.#closed || this.#waiting.has(name)) return;
    const timer = this.#clock.setTimer(AGAIN_MS, () => {
      this.#waiting.delete(name);
      write();
    });
    this.#waiting.set(name, timer);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
  }
}
