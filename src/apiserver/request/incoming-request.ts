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
  /** Sent with the head, whatever it is: lower-case names. */
  readonly standingHeaders: Record<string, string>;
  /** What was sent; 0 before. */
  readonly status: number;
  /** Of an answer that named it. */
  readonly contentLength?: number;
  /** Cuts an answer that has begun, so that the client sees that it is not whole. */
  destroy(): void;
}

/** Room for all warnings of an answer, and for each once that is used up, as upstream: clients give up on longer heads. */
const WARNINGS_TOTAL = 4 * 1024;
const WARNING_CUT = 256;

/** `Warning` headers as upstream writes them (RFC 7234 section 5.5: code 299, no agent; apiserver/pkg/endpoints/filters/warning.go). */
export function formatWarnings(warnings: readonly string[]): string[] {
  const all = [...new Set(warnings)];
  const tooLong = all.reduce((sum, text) => sum + text.length, 0) > WARNINGS_TOTAL;
  const headers: string[] = [];
  let total = 0;
  for (const whole of all) {
    const text = tooLong ? whole.slice(0, WARNING_CUT) : whole;
    total += text.length;
    if (total > WARNINGS_TOTAL) break;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: header values may not hold them
    headers.push(`299 - "${text.replace(/[\u0000-\u001f\u007f]/g, ' ').replace(/["\\]/g, '\\$&')}"`);
  }
  return headers;
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
