import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer } from '../../std/http.ts';

export interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PageServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Nothing is read from a caller but the line and the headers. */
const SLOWEST_REQUEST_MS = 10_000;

/** Serves pages by GET and HEAD over plain HTTP. Rejects when the address cannot be listened on. */
export async function servePages(
  { host, port }: { readonly host?: string; readonly port: number },
  pageAt: (path: string) => Page | undefined,
): Promise<PageServer> {
  const server = createServer({ requestTimeout: SLOWEST_REQUEST_MS, headersTimeout: SLOWEST_REQUEST_MS }, (request, response) => {
    request.resume();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const path = (request.url ?? '/').split('?')[0]!;
    const page = isRead ? pageAt(path) : { status: 405, type: 'text/plain; charset=utf-8', body: 'Method Not Allowed\n' };
    const { status, type, body, headers } = page ?? {
      status: 404,
      type: 'text/plain; charset=utf-8',
      body: '404 page not found\n',
      headers: {},
    };
    response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff', ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  });
  server.maxConnections = 200;
  await listening(server, port, host);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
