import { MOST_LINES, type WatchStream } from './watch-stream.ts';

/** So large are the objects together, at most, whose changes wait to be told to one watch: two dozen of the largest. */
export const MOST_WAITING_BYTES = 64 * 1024 * 1024;

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
  #waitingBytes = 0;

  /** @param failed told what making a line failed with, after all before it is sent */
  constructor(stream: Pick<WatchStream, 'ended' | 'send' | 'end'>, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** @param make makes the line when all before it is sent: until then nothing is kept but what it is made of, of so many `bytes` */
  send(make: () => Buffer | Promise<Buffer>, bytes: number): void {
    if (this.#last !== undefined) {
      this.#wait(() => this.#sendMade(make()), bytes);
      return;
    }
    const line = make();
    if (Buffer.isBuffer(line)) this.#stream.send(line);
    else this.#wait(() => this.#sendMade(line), bytes);
  }

  /** Does something when all that was given before has been sent. */
  afterwards(say: () => void): void {
    if (this.#last !== undefined) this.#wait(say, 0);
    else say();
  }

  async #sendMade(line: Buffer | Promise<Buffer>): Promise<void> {
    const made = await line;
    if (!this.#stream.ended) this.#stream.send(made);
  }

  /** So many wait at most: a receiver that is further behind begins again. */
  #wait(next: () => Promise<void> | void, bytes: number): void {
    if (this.#stream.ended) return;
    this.#waitingBytes += bytes;
    // One is never too much.
    if (++this.#waiting > MOST_LINES || (this.#waiting > 1 && this.#waitingBytes > MOST_WAITING_BYTES)) {
      this.#stream.end();
      return;
    }
    const mine = (this.#last ?? Promise.resolve())
      .then(() => (this.#stream.ended ? undefined : next()))
      .catch((error) => this.#failed(error))
      .finally(() => {
        this.#waiting--;
        this.#waitingBytes -= bytes;
        if (this.#last === mine) this.#last = undefined;
      });
    this.#last = mine;
  }
}
