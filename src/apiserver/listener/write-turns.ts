/** Between two looks at what clients sent, so many answers are written to at most, and no more when so much has been written. */
const MOST_IN_A_TURN = 16;
const MOST_BYTES_IN_A_TURN = 1024 * 1024;

/**
 * Shares the thread between writing to watchers and serving requests. A change that many watch is one write, one TLS record and one
 * system call for each of them: done at once, that would hold back the answer to whoever made the change, and everybody's next
 * request. So writers get in line, some are called in each turn of the event loop, and what comes meanwhile for one that waits goes
 * out with the rest of its lines:
 *
 *     change ─► line ─► [w1 w2 … w50] ─► turn: w1 … w16 ─► requests, answers ─► turn: w17 … w32 ─► …
 */
export class WriteTurns {
  readonly #later: (turn: () => void) => void;
  #line: (() => number)[] = [];
  #next = 0;
  #running = false;

  /** @param later calls back in a later turn of the event loop, after input was looked at */
  constructor(later: (turn: () => void) => void = setImmediate) {
    this.#later = later;
  }

  /** Calls `write`, which returns how many bytes it wrote, once when its turn comes. */
  enlist(write: () => number): void {
    this.#line.push(write);
    if (this.#running) return;
    this.#running = true;
    this.#later(this.#turn);
  }

  readonly #turn = (): void => {
    const end = Math.min(this.#line.length, this.#next + MOST_IN_A_TURN);
    for (let bytes = 0; this.#next < end && bytes < MOST_BYTES_IN_A_TURN; ) bytes += this.#line[this.#next++]!();
    if (this.#next < this.#line.length) {
      if (this.#next > 1024) {
        this.#line = this.#line.slice(this.#next);
        this.#next = 0;
      }
      this.#later(this.#turn);
      return;
    }
    this.#line = [];
    this.#next = 0;
    this.#running = false;
  };
}
