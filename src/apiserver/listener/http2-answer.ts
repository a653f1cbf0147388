import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { endUnread } from '../../std/end-unread.ts';
import type { RawAnswer } from './http-response.ts';

/** Headers that speak of an HTTP/1.1 connection, which HTTP/2 forbids (RFC 9113, 8.2.2): what proxied answers bring of them is left out. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The answer on an HTTP/2 stream. Node's own compatibility layer does the same with a readable, an emitter and a frame for trailers
 * more for each request.
 */
export class Http2Answer implements RawAnswer {
  readonly #stream: ServerHttp2Stream;
  #ended = false;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get headersSent(): boolean {
    return this.#stream.headersSent;
  }

  get destroyed(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  get writableNeedDrain(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Whether we ended it. Node ends what the client has reset, too. */
  get writableEnded(): boolean {
    return this.#ended;
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (this.destroyed) return;
    const all: OutgoingHttpHeaders = { ':status': status };
    for (const name in headers) if (!OF_CONNECTIONS.has(name)) all[name] = headers[name] as string | string[];
    this.#stream.respond(all);
  }

  /** `respond` has sent them. */
  flushHeaders(): void {}

  write(chunk: Uint8Array | string, done?: (error?: Error | null) => void): boolean {
    if (this.destroyed || this.#stream.writableEnded) {
      done?.(new Error('the stream is closed'));
      return !this.destroyed; // to a HEAD the head is the whole answer
    }
    return this.#stream.write(chunk, done);
  }

  end(chunk?: Uint8Array | string): void {
    this.#ended = true;
    const stream = this.#stream;
    if (this.destroyed || stream.writableEnded) return;
    if (chunk === undefined) stream.end();
    else stream.end(chunk);
    // What is still to come of the request nobody reads, and its stream is to hold nothing here.
    if (!stream.readableEnded) stream.once('finish', () => endUnread(stream));
  }

  destroy(): void {
    this.#stream.destroy();
  }

  /** GOAWAY: streams that are open are finished, the connection is closed behind the last of them. */
  leaveConnection(): void {
    this.#stream.session?.close();
  }

  on(event: 'drain' | 'close' | 'error', listener: () => void): void {
    this.#stream.on(event, listener);
  }

  once(event: 'drain' | 'close' | 'error', listener: () => void): void {
    this.#stream.once(event, listener);
  }

  off(event: 'drain' | 'close' | 'error', listener: () => void): void {
    this.#stream.off(event, listener);
  }
}
