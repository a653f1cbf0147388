import type { ServerResponse as Http1Response } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { formatWarnings, type OutgoingResponse } from '../request/incoming-request.ts';
import type { WriteTurns } from './write-turns.ts';

/** An answer by HTTP/1.1 or HTTP/2. */
export class HttpResponse implements OutgoingResponse {
  warnings: readonly string[] = [];
  readonly standingHeaders: Record<string, string> = {};
  status = 0;
  readonly turns: WriteTurns;
  readonly #response: Http1Response;

  constructor(response: Http1Response | Http2ServerResponse, turns: WriteTurns) {
    this.turns = turns;
    // The compatibility API of http2 has the same methods with the same meaning.
    this.#response = response as Http1Response;
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.status = status;
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
