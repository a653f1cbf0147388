import type { ServerResponse } from '../contracts.ts';

/** An answer that is kept instead of sent, so that more can be put into it. */
export class CapturedResponse implements ServerResponse {
  status = 0;
  headers: Readonly<Record<string, string | readonly string[]>> = {};
  readonly #chunks: Buffer[] = [];

  get headersSent(): boolean {
    return this.status !== 0;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    this.status = status;
    this.headers = headers;
  }

  write(chunk: Uint8Array | string): boolean {
    this.#chunks.push(Buffer.from(chunk as Uint8Array));
    return true;
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk !== undefined) this.write(chunk);
  }

  async drained(): Promise<void> {}
}
