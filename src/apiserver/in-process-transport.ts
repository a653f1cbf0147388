import type { Transport, TransportRequest, TransportResponse } from '../client/transport/transport.ts';
import { deferred } from '../std/lifecycle.ts';
import type { TurnGate } from '../std/turn-gate.ts';
import type { UserInfo } from './contracts.ts';
import { tooLarge } from './request/body.ts';
import { formatWarnings, type IncomingRequest, LazyAbort, type OutgoingResponse } from './request/incoming-request.ts';

export type Serve = (request: IncomingRequest, response: OutgoingResponse) => Promise<void>;

/**
 * Requests of one user without sockets: the same bytes, through the same filters but authentication. Answers' bodies are streams, so
 * that watches work as over HTTPS, with the same back-pressure.
 */
export function createInProcessTransport(serve: (user: UserInfo) => Serve, user: UserInfo, gate: TurnGate): Transport {
  const handle = serve(user);
  const open = new Set<InProcessRequest>();
  const onAbortOf = createAbortHub();
  return {
    request(request) {
      if (request.signal?.aborted) return Promise.reject(request.signal.reason);
      const incoming = new InProcessRequest(request);
      const response = new InProcessResponse(() => incoming.abort(new DOMException('the client went away', 'AbortError')));
      open.add(incoming);
      const forget = onAbortOf(request.signal, (reason) => {
        incoming.abort(reason);
        response.fail(reason);
      });
      const rest = gate.pass();
      void (rest !== undefined ? rest.then(() => handle(incoming, response)) : handle(incoming, response)).finally(() => {
        open.delete(incoming);
        response.finish();
      });
      void response.closed.then(forget);
      return response.head;
    },
    async close() {
      for (const request of open) request.abort(new DOMException('the transport was closed', 'AbortError'));
    },
  };
}

type OnAbort = (reason: Error) => void;

/**
 * Calls back when a signal is aborted; returns the way to be forgotten. A component's requests share its one signal, and adding or
 * removing a listener walks over all that are there: so each signal gets one, for all of them.
 */
function createAbortHub(): (signal: AbortSignal | undefined, onAbort: OnAbort) => () => void {
  const bySignal = new WeakMap<AbortSignal, Set<OnAbort>>();
  const waitingFor = (signal: AbortSignal) => {
    const known = bySignal.get(signal);
    if (known) return known;
    const waiting = new Set<OnAbort>();
    bySignal.set(signal, waiting);
    const tellAll = () => {
      for (const onAbort of waiting) onAbort(signal.reason);
    };
    signal.addEventListener('abort', tellAll, { once: true });
    return waiting;
  };
  return (signal, onAbort) => {
    if (!signal) return () => undefined;
    const waiting = waitingFor(signal);
    waiting.add(onAbort);
    return () => waiting.delete(onAbort);
  };
}

class InProcessRequest implements IncomingRequest {
  readonly method: string;
  readonly path: string;
  readonly uri: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly remoteAddress = '127.0.0.1';
  readonly #body: TransportRequest['body'];
  readonly #abort = new LazyAbort();

  constructor({ method, path, headers, body }: TransportRequest) {
    const at = path.indexOf('?');
    const pathOnly = at < 0 ? path : path.slice(0, at);
    this.method = method;
    this.uri = path;
    this.path = pathOnly.includes('%') ? decodeURIComponent(pathOnly) : pathOnly;
    this.query = new URLSearchParams(at < 0 ? '' : path.slice(at + 1));
    this.headers = headers;
    this.#body = body;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  readBody(limitBytes: number): Promise<Buffer> {
    const body = this.#body ?? '';
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return bytes.length > limitBytes ? Promise.reject(tooLarge(limitBytes)) : Promise.resolve(bytes);
  }
}

/** Bytes that a reader may leave unread before the writer is told to wait. */
const HIGH_WATER_BYTES = 64 * 1024;

class InProcessResponse implements OutgoingResponse {
  warnings: readonly string[] = [];
  readonly standingHeaders: Record<string, string> = {};
  status = 0;
  readonly #head = deferred<TransportResponse>();
  readonly #closed = deferred();
  readonly #onLeave: () => void;
  #chunks: Uint8Array[] = [];
  #waitingBytes = 0;
  #ended = false;
  #error: unknown;
  #wake = deferred();
  #drained = deferred();

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  get head(): Promise<TransportResponse> {
    return this.#head.promise;
  }

  /** Resolves when nothing more will be read. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get headersSent(): boolean {
    return this.status !== 0;
  }

  writeHead(status: number, headers: Readonly<Record<string, string | readonly string[]>> = {}): void {
    if (this.headersSent) throw new Error('the head has been sent already');
    this.status = status;
    const all: Record<string, string> = { ...this.standingHeaders };
    for (const [name, value] of Object.entries(headers)) all[name] = typeof value === 'string' ? value : value.join(', ');
    if (this.warnings.length) all['warning'] = formatWarnings(this.warnings).join(', ');
    this.#head.resolve({ status, headers: all, body: this.#read() });
  }

  write(chunk: Uint8Array | string): boolean {
    if (this.#ended || chunk.length === 0) return true;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    this.#chunks.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#wake.resolve();
    return this.#waitingBytes < HIGH_WATER_BYTES;
  }

  end(chunk?: Uint8Array | string): void {
    if (chunk !== undefined) this.write(chunk);
    this.#ended = true;
    this.#wake.resolve();
    this.#drained.resolve();
  }

  drained(): Promise<void> {
    if (this.#ended || this.#waitingBytes < HIGH_WATER_BYTES) return Promise.resolve();
    this.#drained = deferred();
    return this.#drained.promise;
  }

  destroy(): void {
    this.fail(new Error('the server ended the answer before it was whole'));
  }

  /** The reader's next step, or the request when it has no answer yet, fails with this. */
  fail(error: unknown): void {
    this.#error ??= error;
    this.#head.reject(error);
    this.end();
  }

  /** The handler is done: an answer that was never begun fails. */
  finish(): void {
    if (!this.headersSent) this.fail(new Error('the server gave no answer'));
    else if (!this.#ended) this.end();
  }

  async *#read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        if (this.#error) throw this.#error;
        const chunks = this.#chunks;
        if (chunks.length) {
          this.#chunks = [];
          this.#waitingBytes = 0;
          this.#drained.resolve();
          yield* chunks;
        } else if (this.#ended) return;
        else {
          this.#wake = deferred();
          await this.#wake.promise;
        }
      }
    } finally {
      if (!this.#ended) this.#onLeave();
      this.#ended = true;
      this.#closed.resolve();
    }
  }
}
