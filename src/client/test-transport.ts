import type { Transport, TransportRequest, TransportResponse } from './transport/transport.ts';

/** What a test's server says: a whole answer, or chunks that the test sends as it goes. */
export interface TestAnswer {
  status?: number;
  headers?: Record<string, string>;
  body?: string | AsyncIterable<Uint8Array>;
}

export interface TestTransport extends Transport {
  readonly requests: TransportRequest[];
}

/** A transport for tests whose answers are a function of the request, without a network. */
export function createTestTransport(answer: (request: TransportRequest) => TestAnswer | Promise<TestAnswer>): TestTransport {
  const requests: TransportRequest[] = [];
  return {
    requests,
    async request(request): Promise<TransportResponse> {
      request.signal?.throwIfAborted();
      requests.push(request);
      const { status = 200, headers = {}, body = '' } = await answer(request);
      return { status, headers, body: typeof body === 'string' ? oneChunk(body) : body };
    },
    async close() {},
  };
}

async function* oneChunk(text: string): AsyncGenerator<Uint8Array> {
  if (text) yield Buffer.from(text);
}

/** A body that a test writes while it is read. */
export class TestBody implements AsyncIterable<Uint8Array> {
  #waiting: (() => void) | undefined;
  #chunks: Uint8Array[] = [];
  #end: { error?: unknown } | undefined;

  /** Ends with the signal's reason when that is aborted. */
  constructor(signal?: AbortSignal) {
    signal?.addEventListener('abort', () => this.fail(signal.reason), { once: true });
  }

  write(text: string): void {
    this.#chunks.push(Buffer.from(text));
    this.#waiting?.();
  }

  end(): void {
    this.#end ??= {};
    this.#waiting?.();
  }

  fail(error: unknown): void {
    this.#end ??= { error };
    this.#waiting?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) yield chunk;
      else if (this.#end) {
        if ('error' in this.#end) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    }
  }
}
