import type { TransportRequest, TransportResponse } from './transport.ts';

/** One protocol on one TLS connection (or, with HTTP/1.1, several alike). */
export interface Connection {
  /** False when new requests need a new connection. */
  readonly usable: boolean;
  /** Rejects with a TransportError, or with the reason of the request's signal. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Ends it with everything that runs on it. */
  destroy(): void;
}

/** Several values of one header become one, and HTTP/2's own `:status` is left out. */
export function flattenHeaders(
  headers: Readonly<Record<string, string | readonly string[] | number | undefined>>,
): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':')) continue;
    flat[name] = Array.isArray(value) ? value.join(', ') : String(value);
  }
  return flat;
}

/** The chunks of a body, with what goes wrong while reading told as `toError` tells it. Stopping early ends the stream. */
export async function* readBody(
  stream: AsyncIterable<Uint8Array>,
  toError: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* stream;
  } catch (error) {
    throw toError(error);
  }
}
