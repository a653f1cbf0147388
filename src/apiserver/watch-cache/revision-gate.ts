import { serviceUnavailable } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';

/** A consistent read gives up after this time, as upstream's. */
const FRESH_TIMEOUT_MS = 3_000;

interface Waiter {
  readonly revision: number;
  readonly resolve: (seen: boolean) => void;
}

/** Holds readers back until the cache has seen the revision they need. */
export class RevisionGate {
  readonly #clock: Clock;
  readonly #newest: () => Promise<number>;
  #seen = 0;
  #waiters: Waiter[] = [];
  #closed = false;
  /** A question to the store that has not been asked yet: readers that come before it is may share it. */
  #question: Promise<number> | undefined;
  #asking: Promise<unknown> = Promise.resolve();

  /** @param newest asks the store for its revision */
  constructor(clock: Clock, newest: () => Promise<number>) {
    this.#clock = clock;
    this.#newest = newest;
  }

  get seen(): number {
    return this.#seen;
  }

  advance(revision: number): void {
    if (revision <= this.#seen) return;
    this.#seen = revision;
    if (this.#waiters.length === 0) return;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (waiter.revision <= revision) waiter.resolve(true);
      else left.push(waiter);
    }
    this.#waiters = left;
  }

  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    if (revision <= this.#seen) return Promise.resolve(true);
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(timeoutMs, () => {
        this.#waiters = this.#waiters.filter((w) => w !== waiter);
        resolve(false);
      });
      const waiter: Waiter = {
        revision,
        resolve: (seen) => {
          timer.cancel();
          resolve(seen);
        },
      };
      this.#waiters.push(waiter);
    });
  }

  /**
   * Resolves when everything acknowledged before this call has been seen. One question to the store serves all readers that were
   * there before it was asked.
   *
   * @throws StatusError 503 when the cache does not catch up
   */
  async fresh(): Promise<void> {
    this.#question ??= this.#ask();
    const revision = await this.#question;
    if (revision <= this.#seen) return;
    if (!(await this.waitFor(revision, FRESH_TIMEOUT_MS)))
      throw serviceUnavailable(`the watch cache has seen revision ${this.#seen} and is waiting for ${revision}; try again`);
  }

  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(false);
  }

  async #ask(): Promise<number> {
    await this.#asking;
    this.#question = undefined;
    const answer = this.#newest();
    this.#asking = answer.catch(() => undefined); // whoever asked gets the error
    return answer;
  }
}
