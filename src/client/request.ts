import { requestBody } from './request-body.ts';
import { errorOfResponse, type RequestedThing } from './response-error.ts';
import type { Transport, TransportResponse } from './transport/transport.ts';

/** One request before it is encoded. */
export interface Call {
  readonly method: string;
  readonly path: string;
  /** Encoded as JSON unless it is undefined. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  readonly asked: RequestedThing;
}

/** Sends requests, with JSON on both sides, and turns failures into StatusErrors. */
export interface Caller {
  /** The whole answer. */
  send(call: Call): Promise<{ status: number; text: string }>;
  /** The answer's chunks as they come, with no limit of time. */
  stream(call: Call): Promise<AsyncIterable<Uint8Array>>;
}

export interface CallerOptions {
  transport: Transport;
  userAgent?: string;
  requestTimeoutMs?: number;
}

export function createCaller({ transport, userAgent = 'muster', requestTimeoutMs }: CallerOptions): Caller {
  const start = async (call: Call, signal: AbortSignal | undefined): Promise<TransportResponse> => {
    const headers: Record<string, string> = { accept: call.accept ?? 'application/json', 'user-agent': userAgent };
    const body = call.body === undefined ? undefined : requestBody(call.body);
    if (body !== undefined) headers['content-type'] = call.contentType ?? 'application/json';
    const response = await transport.request({ method: call.method, path: call.path, headers, body, signal });
    // Redirects are not followed: whoever it leads to would be shown the credentials.
    if (response.status < 300) return response;
    throw errorOfResponse(response.status, response.headers, await readText(response.body), call.asked);
  };
  return {
    async send(call) {
      const limit = limitTime(call.signal, requestTimeoutMs, call);
      try {
        const response = await start(call, limit.signal);
        return { status: response.status, text: await readText(response.body) };
      } finally {
        limit.end();
      }
    },
    stream: async (call) => (await start(call, call.signal)).body,
  };
}

/** A signal that is aborted by `signal` or after `timeoutMs`; `end` lets go of both. */
function limitTime(
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  call: Call,
): { signal: AbortSignal | undefined; end(): void } {
  if (timeoutMs === undefined) return { signal, end() {} };
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => {
    const message = `no answer to ${call.method} ${call.path.split('?')[0]} within ${timeoutMs} ms`;
    controller.abort(new DOMException(message, 'TimeoutError'));
  }, timeoutMs);
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return (chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks)).toString('utf8');
}
