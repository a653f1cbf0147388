import type { Duplex } from 'node:stream';
import { STATUS_CODES } from '../../std/http.ts';
import { formatWarnings, type OutgoingResponse } from '../request/incoming-request.ts';

/** So long a client may take to read an answer and to leave. */
const LINGER_MS = 5_000;

/**
 * The answer to a request that wants to go on as another protocol: written to its connection, which ends with it unless the answer is 101.
 */
export class UpgradeResponse implements OutgoingResponse {
  warnings: readonly string[] = [];
  readonly standingHeaders: Record<string, string> = {};
  status = 0;
  readonly #socket: Duplex;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  get headersSent(): boolean {
    return this.status !== 0;
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.status = status;
    const all: Record<string, string | readonly string[]> = {
      ...(status !== 101 && { connection: 'close' }),
      ...this.standingHeaders,
      ...headers,
      ...(this.warnings.length && { warning: formatWarnings(this.warnings) }),
    };
    const lines = Object.entries(all).flatMap(([name, value]) =>
      (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one.replace(/[\r\n\0]/g, ' ')}`),
    );
    this.#socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  }

  write(chunk: Uint8Array | string): boolean {
    return chunk.length === 0 || this.#socket.write(chunk);
  }

  end(chunk?: Uint8Array | string): void {
    const leave = () => this.status !== 101 && this.#linger();
    if (chunk === undefined) this.#socket.end(leave);
    else this.#socket.end(chunk, leave);
  }

  /** Nothing else watches over the connection now. What still comes is dropped: unread, it would cost the client the answer. */
  #linger(): void {
    const socket = this.#socket;
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
    socket.once('end', () => socket.destroy());
    socket.resume();
  }

  drained(): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = () => {
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve();
      };
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
