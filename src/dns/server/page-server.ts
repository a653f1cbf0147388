import { once } from 'node:events';
import type { Server } from 'node:http';
import { CodedError } from '../../std/coded-error.ts';
import { ConnectionRoom } from '../../std/connection-room.ts';
import { createServer } from '../../std/http.ts';
import type { Page } from '../plugins/plugin.ts';

/** Serves the pages of health, ready and prometheus. */
export interface PageServer {
  replace(pages: readonly Page[]): void;
  close(): Promise<void>;
}

const TIMEOUT_MS = 10_000;
/** Beyond it the one that has been there for longest goes. */
const MOST_CONNECTIONS = 100;

/**
 * @param address `10.0.0.10:8080`, with a host
 * @throws CodedError DNS_CANNOT_LISTEN
 */
export async function openPageServer(host: string, port: number, first: readonly Page[]): Promise<PageServer> {
  let pages = first;
  const server: Server = createServer({ requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS }, (request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const page = pages.find((one) => one.path === path);
    const allowed = request.method === 'GET' || request.method === 'HEAD';
    const { status, contentType, text } =
      page && allowed
        ? page.answer()
        : { status: page ? 405 : 404, contentType: 'text/plain; charset=utf-8', text: '404 page not found\n' };
    response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }).end(text);
  });
  const room = new ConnectionRoom(MOST_CONNECTIONS);
  server.on('connection', (socket) => room.enter(socket));
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new CodedError(`cannot listen on ${host}:${port}: ${(cause as Error).message}`, { code: 'DNS_CANNOT_LISTEN', cause });
  }
  return {
    replace(next) {
      pages = next;
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
