import type { ServerRequest, ServerResponse } from '../contracts.ts';

/** A request as its source (listener, in-process transport) hands it in. */
export interface IncomingRequest extends ServerRequest {
  /** Set when a client certificate was presented that does not verify. */
  readonly peerCertificateError?: string;
  /** Ends the request from this side: its time is up, or the server stops. */
  abort(reason: Error): void;
}

/** An answer as its source takes it. */
export interface OutgoingResponse extends ServerResponse {
  /** Sent as `Warning` headers with the head. */
  warnings: readonly string[];
  /** What was sent; 0 before. */
  readonly status: number;
  /** Cuts an answer that has begun, so that the client sees that it is not whole. */
  destroy(): void;
}

/** `Warning` headers as upstream writes them (RFC 7234 section 5.5: code 299, no agent). */
export function formatWarnings(warnings: readonly string[]): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: header values may not hold them
  return [...new Set(warnings)].map((text) => `299 - "${text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/["\\]/g, '\\$&')}"`);
}

/** Remembers an abort until somebody asks for the signal: most requests never do, and an AbortController costs. */
export class LazyAbort {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
