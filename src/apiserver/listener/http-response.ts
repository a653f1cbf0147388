import { formatWarnings, type OutgoingResponse } from '../request/incoming-request.ts';
import type { Slices } from './slices.ts';
import type { WriteTurns } from './write-turns.ts';

/** Far fewer than Node lets be written before it wants its writers to wait (`highWaterMark`). */
const LAST_BYTES = 8 * 1024;

/** What all answers of a listener share. */
export interface Outlet {
  readonly turns: WriteTurns;
  readonly slices: Slices;
}

/** What HTTP/1.1 and HTTP/2 answers have in common: of node's `ServerResponse`, or an `Http2Answer`. */
export interface RawAnswer {
  readonly headersSent: boolean;
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  readonly writableEnded: boolean;
  writeHead(status: number, headers: Readonly<Record<string, string | string[]>>): unknown;
  flushHeaders(): void;
  write(chunk: Uint8Array | string, done?: (error?: Error | null) => void): boolean;
  end(chunk?: Uint8Array | string): unknown;
  destroy(): unknown;
  leaveConnection?(): void;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
  off(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

/** An answer by HTTP/1.1 or HTTP/2. */
export class HttpResponse implements OutgoingResponse {
  warnings: readonly string[] = [];
  readonly standingHeaders: Record<string, string> = {};
  status = 0;
  contentLength?: number;
  readonly turns: WriteTurns;
  readonly leaveConnection?: () => void;
  readonly #slices: Slices;
  readonly #response: RawAnswer;
  /** Of slices. */
  #givenBytes = 0;

  constructor(response: RawAnswer, { turns, slices }: Outlet) {
    this.turns = turns;
    this.#slices = slices;
    this.#response = response;
    if (response.leaveConnection) this.leaveConnection = () => response.leaveConnection?.();
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.status = status;
    if (headers['content-length'] !== undefined) this.contentLength = Number(headers['content-length']);
    const all = {
      ...this.standingHeaders,
      ...headers,
      ...(this.warnings.length && { warning: formatWarnings(this.warnings).map(asUtf8) }),
    };
    this.#response.writeHead(status, all as Record<string, string | string[]>);
  }

  write(chunk: Uint8Array | string): boolean {
    if (chunk.length === 0) {
      this.#response.flushHeaders(); // an empty chunk says: the client shall see the head now
      return true;
    }
    return this.#response.write(chunk);
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk === undefined) this.#response.end();
    else this.#response.end(chunk);
  }

  /** While one slice is on its way the next is filled. */
  async pour(fill: (target: Buffer) => number, signal: AbortSignal): Promise<void> {
    const response = this.#response;
    let sending: Promise<void> | undefined;
    while (!response.destroyed) {
      signal.throwIfAborted();
      const slice = this.#slices.take();
      const size = fill(slice);
      const before = sending;
      if (size === 0) {
        this.#slices.give(slice);
        response.end();
        return before;
      }
      if (this.#givenBytes + size === this.contentLength) return this.#sendLast(slice, size, before);
      sending = this.#sendSlice(slice, size);
      await before;
    }
  }

  /**
   * A client that has all of the answer may send its next request at once, by HTTP/1.1. Where Node does not know yet that what it wrote has gone, it pauses the
   * connection, and takes what came of that request already for an error (HPE_PAUSED, which is answered 400). So the last bytes, of which it asks nobody to
   * wait for the end, go when all others have gone.
   */
  async #sendLast(slice: Buffer, size: number, before: Promise<void> | undefined): Promise<void> {
    const last = Buffer.from(slice.subarray(Math.max(0, size - LAST_BYTES), size));
    if (size > last.length) await this.#sendSlice(slice, size - last.length);
    else this.#slices.give(slice);
    await before;
    if (!this.#response.destroyed) this.#response.end(last);
  }

  /** Resolves when the slice can be used again, or the client is gone. */
  #sendSlice(slice: Buffer, size: number): Promise<void> {
    const response = this.#response;
    return new Promise((resolve) => {
      response.once('close', resolve);
      this.#givenBytes += size;
      response.write(slice.subarray(0, size), (error) => {
        response.off('close', resolve);
        if (!error) this.#slices.give(slice);
        resolve();
      });
    });
  }

  drained(): Promise<void> {
    const response = this.#response;
    if (response.destroyed || !response.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        response.off('drain', settle);
        response.off('close', settle);
        resolve();
      };
      response.on('drain', settle);
      response.on('close', settle);
    });
  }

  destroy(): void {
    this.#response.destroy();
  }
}

/** Node writes a header's characters as bytes, one each; a warning may name a field in any script. */
const asUtf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
