import type { Http2Session, ServerHttp2Stream } from 'node:http2';

/** So long a client may take to hear that its connection ends. */
const FAREWELL_MS = 1_000;

/**
 * Ends HTTP/2 connections on which no request runs, which Node would keep for as long as the client likes: thousands of them cost the server
 * its descriptors and their client nothing. Pings, settings and halves of requests are no requests (as Go's server counts them).
 */
export class IdleSessions {
  readonly #idleMs: number;
  readonly #open = new WeakMap<Http2Session, { streams: number; timer: NodeJS.Timeout | undefined }>();

  constructor(idleMs: number) {
    this.#idleMs = idleMs;
  }

  /** A session begins, with no request on it. */
  begin(session: Http2Session): void {
    const state = { streams: 0, timer: this.#endLater(session) };
    this.#open.set(session, state);
    session.once('close', () => clearTimeout(state.timer));
  }

  /** A request begins on the session, and ends with its stream. */
  use(session: Http2Session, stream: ServerHttp2Stream): void {
    const state = this.#open.get(session);
    if (!state) return;
    state.streams++;
    clearTimeout(state.timer);
    stream.once('close', () => {
      if (--state.streams === 0 && !session.destroyed) state.timer = this.#endLater(session);
    });
  }

  #endLater(session: Http2Session): NodeJS.Timeout {
    return setTimeout(() => {
      session.close();
      // Who does not even read that is not waited for.
      const farewell = setTimeout(() => session.destroy(), FAREWELL_MS).unref();
      session.once('close', () => clearTimeout(farewell));
    }, this.#idleMs).unref();
  }
}
