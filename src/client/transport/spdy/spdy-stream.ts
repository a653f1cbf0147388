import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './header-block.ts';

/** What a stream needs of its connection. */
export interface StreamLink {
  /** Calls back when the bytes have gone to the socket, in order with everything else of this stream. */
  send(id: number, chunks: readonly Buffer[], last: boolean, done: (error?: Error | null) => void): void;
  /** The stream is of no more use to this side, though it has not ended: the other one hears of it. */
  reset(id: number): void;
  /** Both directions have ended, or the stream was reset. */
  forget(id: number): void;
}

/**
 * One stream of a SPDY connection. Ending it ends one direction only. Destroyed without an error it is reset; when the connection is
 * lost, or the other side refuses it, it is destroyed with an error: whoever reads knows that what came is not all.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #link: StreamLink;
  #sentLast = false;
  #heardLast = false;
  #onRead: (() => void) | undefined;
  #wasCancelled = false;

  constructor(id: number, headers: SpdyHeaders, link: StreamLink) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#link = link;
    // Whoever does not listen has no use for it; the process is not to end for a lost connection.
    this.on('error', () => undefined);
  }

  /** Whether the other side gave the stream up instead of ending it. What came before can be read to the end all the same. */
  get wasCancelled(): boolean {
    return this.#wasCancelled;
  }

  /** The other side has given it up, as upstream's servers do with all streams of a connection that they close. */
  cancel(): void {
    this.#wasCancelled = !this.#heardLast;
    this.#sentLast = true;
    if (!this.#heardLast) {
      this.#heardLast = true;
      this.push(null);
    }
    if (this.readableEnded) this.destroy();
    else this.once('end', () => this.destroy());
  }

  /** Takes what has come. Undefined, or a promise that resolves when there is room for more. */
  receive(bytes: Buffer, last: boolean): Promise<void> | undefined {
    if (this.destroyed || this.#heardLast) return undefined;
    const full = bytes.length > 0 && !this.push(bytes);
    if (last) {
      this.#heardLast = true;
      this.push(null);
      return undefined;
    }
    if (!full) return undefined;
    return new Promise((resolve) => {
      this.#onRead = resolve;
    });
  }

  /** Ends it without a word to the other side, which has reset it or is gone. What has come whole can still be read. */
  fail(error: Error): void {
    const whole = this.#heardLast;
    this.#sentLast = true;
    this.#heardLast = true;
    if (!whole || this.readableEnded) this.destroy(error);
    else this.once('end', () => this.destroy());
  }

  override _read(): void {
    this.#wake();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#link.send(this.id, [chunk], false, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#link.send(
      this.id,
      chunks.map(({ chunk }) => chunk),
      false,
      done,
    );
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sentLast = true;
    this.#link.send(this.id, [], true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#wake();
    if (!(this.#sentLast && this.#heardLast)) this.#link.reset(this.id);
    this.#link.forget(this.id);
    done(error);
  }

  #wake(): void {
    const wake = this.#onRead;
    this.#onRead = undefined;
    wake?.();
  }
}
