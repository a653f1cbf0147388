import { deferred } from '../../std/lifecycle.ts';
import type { ServerResponse } from '../contracts.ts';

/** A receiver that is this far behind is given up: it begins again from a list, which is cheaper than its queue. */
export const MOST_LINES = 1_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** So much fills a TLS record: nothing is won by waiting for more. */
const FULL_BYTES = 16 * 1024;

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
    } else if (this.#queuedBytes >= FULL_BYTES) this.#flush();
    else if (!this.#inLine) {
      this.#inLine = true;
      turns!.enlist(this.#myTurn);
    }
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
    if (!this.#blocked) this.#flush();
    this.#ended = true;
    this.#queue = [];
    this.#blocked?.resolve();
    this.#response.end();
    this.#onEnd();
  }

  readonly #myTurn = (): void => {
    this.#inLine = false;
    if (!this.#blocked) this.#flush();
  };

  #flush(): void {
    const lines = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.sendAll(lines);
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
