import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { internalError, StatusError } from '../../api/machinery/status-error.ts';
import { ConnectionRoom } from '../../std/connection-room.ts';
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
/** Beyond it the one that has been there for longest goes: a load balancer must not hear that a node is ill because somebody else says nothing. */
const MOST_CONNECTIONS = 200;

/** Makes the page of a path in the form that the Accept header asks for; a failure's Status is sent as it is. */
export type PageAt = (path: string, accept?: string) => Page | Promise<Page> | undefined;

/** Serves pages by GET and HEAD over plain HTTP. Rejects when the address cannot be listened on. */
export async function servePages(
  { host, port }: { readonly host?: string; readonly port: number },
  pageAt: PageAt,
): Promise<PageServer> {
  const server = createServer({ requestTimeout: SLOWEST_REQUEST_MS, headersTimeout: SLOWEST_REQUEST_MS }, (request, response) => {
    request.resume();
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const path = (request.url ?? '/').split('?')[0]!;
    const send = ({ status, type, body, headers }: Page) => {
      response.writeHead(status, { 'Content-Type': type, 'X-Content-Type-Options': 'nosniff', ...headers });
      response.end(request.method === 'HEAD' ? undefined : body);
    };
    const page = isRead ? pageAt(path, request.headers.accept) : plain(405, 'Method Not Allowed\n');
    if (page instanceof Promise) page.then(send, (error: unknown) => send(failed(error)));
    else send(page ?? plain(404, '404 page not found\n'));
  });
  const room = new ConnectionRoom(MOST_CONNECTIONS);
  server.on('connection', (socket) => room.enter(socket));
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

const plain = (status: number, body: string): Page => ({ status, type: 'text/plain; charset=utf-8', body });

function failed(error: unknown): Page {
  const { status } = error instanceof StatusError ? error : internalError((error as Error).message);
  return { status: status.code ?? 500, type: 'application/json', body: `${JSON.stringify(status)}\n` };
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
