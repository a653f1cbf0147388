/** So many requests are begun in one turn of the event loop: some milliseconds. */
const MOST_IN_A_TURN = 32;

/**
 * Requests that wait for nothing give nobody else a turn: who makes thousands of them at once, without sockets or on one HTTP/2 connection
 * whose streams all come in one piece, would hold up all others. One for all components of a server together, one for all connections.
 */
export class TurnGate {
  #begun = 0;
  #ends = false;
  /** First come, first served. */
  readonly #waiting: (() => void)[] = [];

  /** To be awaited before a request is begun: undefined where it may be at once. */
  pass(): Promise<void> | undefined {
    this.#awaitEnd();
    if (this.#begun < MOST_IN_A_TURN) {
      this.#begun++;
      return undefined;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #awaitEnd(): void {
    if (this.#ends) return;
    this.#ends = true;
    setImmediate(() => {
      this.#ends = false;
      const next = this.#waiting.splice(0, MOST_IN_A_TURN);
      this.#begun = next.length;
      if (next.length) this.#awaitEnd();
      for (const begin of next) begin();
    });
  }
}
