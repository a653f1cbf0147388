import { deferred } from '../../std/lifecycle.ts';
import type { ServerResponse } from '../contracts.ts';

/** A receiver that is this far behind is given up: it begins again from a list, which is cheaper than its queue. */
export const MOST_LINES = 1_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** So much fills a TLS record: nothing is won by waiting for more. */
const FULL_BYTES = 16 * 1024;
/** So much takes its time to be written, and is for many watchers at once where one of them gets it. */
const LARGE_BYTES = 64 * 1024;

/**
 * The answer of a watch. Lines are handed on in turns (see `ServerResponse.turns`) or as they come while the receiver keeps up, and
 * queued, within bounds, while it does not.
 */
export class WatchStream {
  readonly #response: ServerResponse;
  readonly #onEnd: () => void;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** While the receiver has not taken what it was given. */
  #blocked: PromiseWithResolvers<void> | undefined;
  #inLine = false;
  #ended = false;

  /** @param onEnd called once, when nothing more will be sent */
  constructor(response: ServerResponse, onEnd: () => void) {
    this.#response = response;
    this.#onEnd = onEnd;
  }

  send(line: Buffer): void {
    if (this.#ended) return;
    const { turns } = this.#response;
    if (!turns && !this.#blocked) {
      this.#write(line);
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    if (this.#blocked) {
      if (this.#queue.length > MOST_LINES || this.#queuedBytes > MOST_BYTES) this.end();
    } else if (this.#queuedBytes >= FULL_BYTES && !this.#isLarge) this.#flush();
    else if (!this.#inLine) {
      this.#inLine = true;
      turns!.enlist(this.#myTurn);
    }
  }

  /** Whether what waits is rather written in its turn; where too much has come until then, at once. */
  get #isLarge(): boolean {
    return this.#queuedBytes >= LARGE_BYTES && this.#queuedBytes <= MOST_BYTES;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the receiver has not taken yet what it was given. */
  get isBlocked(): boolean {
    return this.#blocked !== undefined;
  }

  /** Resolves when the receiver has taken what it was given, or the stream has ended. */
  async room(): Promise<void> {
    while (this.#blocked && !this.#ended) await this.#blocked.promise;
  }

  /** A part of the beginning of a watch, however long that is. */
  sendAll(lines: readonly Buffer[]): void {
    if (lines.length && !this.#ended) this.#write(lines.length === 1 ? lines[0]! : Buffer.concat(lines));
  }

  end(): void {
    if (this.#ended) return;
    if (!this.#blocked) this.sendAll(this.#queue);
    this.#ended = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#blocked?.resolve();
    this.#response.end();
    this.#onEnd();
  }

  readonly #myTurn = (): number => {
    this.#inLine = false;
    return this.#blocked ? 0 : this.#flush();
  };

  /** Writes what waits as far as the receiver takes it, and returns how many bytes that was. */
  #flush(): number {
    const before = this.#queuedBytes;
    while (this.#queue.length && !this.#blocked) {
      let count = 0;
      let bytes = 0;
      while (count < this.#queue.length && bytes < LARGE_BYTES) bytes += this.#queue[count++]!.length;
      const lines = this.#queue.splice(0, count);
      this.#queuedBytes -= bytes;
      this.sendAll(lines);
    }
    return before - this.#queuedBytes;
  }

  #write(bytes: Buffer): void {
    if (this.#response.write(bytes)) return;
    if (this.#blocked) return;
    const blocked = deferred();
    this.#blocked = blocked;
    void this.#response.drained().then(() => {
      this.#blocked = undefined;
      this.#flush();
      blocked.resolve();
    });
  }
}
