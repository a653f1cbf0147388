import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { STATUS_CODES } from '../../std/http.ts';
import type { Answer } from './api-exchange.ts';

/** A client that takes nothing of an answer for so long is given up. */
const STALLED_MS = 60_000;

/** Sends an answer. Resolves when it is handed over, or when the client is gone. Rejects when a body that is still to come fails. */
export async function sendAnswer(
  response: ServerResponse | Http2ServerResponse,
  headOnly: boolean,
  { status, headers, body }: Answer,
): Promise<void> {
  const out = response as ServerResponse; // both have what is used here
  if (typeof body === 'string' || body instanceof Uint8Array) {
    out.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    out.setTimeout(STALLED_MS, () => out.destroy());
    out.end(headOnly ? undefined : body);
    return;
  }
  out.writeHead(status, headers);
  out.flushHeaders();
  if (headOnly) out.end();
  // One that nobody reads has to be begun, too: only then does it give back what it holds.
  for await (const chunk of body) {
    if (headOnly || isGone(response)) break;
    if (!out.write(chunk)) await drained(response);
  }
  if (!headOnly) out.end();
}

/** Answers a request that wanted another protocol, on the bare connection, and ends that. */
export function sendRaw(socket: Duplex, { status, headers, body }: Answer): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : Buffer.alloc(0);
  const lines = Object.entries({ ...headers, 'content-length': String(bytes.length), connection: 'close' });
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), bytes]), () => socket.destroy());
}

/** Answers of HTTP/2 do not tell themselves. Nothing happens any more on one whose client has gone: it is not to be waited for. */
export function isGone(response: ServerResponse | Http2ServerResponse | Duplex): boolean {
  return 'stream' in response ? response.stream.destroyed : response.destroyed;
}

function drained(response: ServerResponse | Http2ServerResponse): Promise<void> {
  if (isGone(response)) return Promise.resolve();
  const out = response as ServerResponse;
  return new Promise((resolve) => {
    const go = () => {
      out.off('drain', go);
      out.off('close', go);
      resolve();
    };
    out.on('drain', go);
    out.on('close', go);
  });
}
