import { MOST_LINES, type WatchStream } from './watch-stream.ts';

/**
 * Sends the lines of a watch in their order, though those of large objects take their time to be made. What is there already, with nothing before it that
 * is not, is sent at once.
 */
export class LineQueue {
  readonly #stream: Pick<WatchStream, 'ended' | 'send' | 'end'>;
  readonly #failed: (error: unknown) => void;
  /** When all that waits is sent. */
  #last: Promise<void> | undefined;
  #waiting = 0;

  /** @param failed told what making a line failed with, after all before it is sent */
  constructor(stream: Pick<WatchStream, 'ended' | 'send' | 'end'>, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  send(line: Buffer | Promise<Buffer>): void {
    if (Buffer.isBuffer(line)) {
      if (this.#last !== undefined) this.afterwards(() => this.#stream.send(line));
      else this.#stream.send(line);
      return;
    }
    this.#wait(async () => {
      const made = await line;
      if (!this.#stream.ended) this.#stream.send(made);
    });
  }

  /** Does something when all that was given before has been sent. */
  afterwards(say: () => void): void {
    if (this.#last !== undefined) this.#wait(say);
    else say();
  }

  /** So many wait at most: a receiver that is further behind begins again. */
  #wait(next: () => Promise<void> | void): void {
    if (this.#stream.ended) return;
    if (++this.#waiting > MOST_LINES) {
      this.#stream.end();
      return;
    }
    const mine = (this.#last ?? Promise.resolve())
      .then(() => (this.#stream.ended ? undefined : next()))
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#waiting--;
        if (this.#last === mine) this.#last = undefined;
      });
    this.#last = mine;
  }
}
