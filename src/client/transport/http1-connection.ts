import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { Agent, request as startRequest } from '../../std/http.ts';
import { type Connection, flattenHeaders, readBody } from './connection.ts';
import type { TransportRequest, TransportResponse } from './transport.ts';
import { toTransportError } from './transport-error.ts';

export interface Http1ConnectionOptions {
  server: string;
  /** The socket on which the server chose HTTP/1.1. */
  socket: TLSSocket;
  /** Makes another one like it: each running request needs its own. */
  connect: () => Promise<TLSSocket>;
}

/** HTTP/1.1 for servers that do not speak HTTP/2: a socket for each running request, a few kept for the next. */
export function createHttp1Connection(options: Http1ConnectionOptions): Connection {
  const agent = new PresetAgent(options);
  let isUsable = true;
  return {
    get usable() {
      return isUsable;
    },
    request: (request) => sendRequest(agent, options.server, request),
    destroy() {
      isUsable = false;
      agent.destroyAll();
    },
  };
}

/** An agent whose sockets come from us, the first one ready made. */
class PresetAgent extends Agent {
  #options: Http1ConnectionOptions;
  #first: TLSSocket | undefined;
  #sockets = new Set<TLSSocket>();
  #destroyed = false;

  constructor(options: Http1ConnectionOptions) {
    super({ keepAlive: true, maxFreeSockets: 4 });
    this.#options = options;
    this.#first = options.socket;
    this.#track(options.socket);
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const first = this.#first;
    this.#first = undefined;
    const done = callback as (error: Error | null, stream?: Duplex) => void;
    if (first && !first.destroyed) {
      done(null, first);
      return;
    }
    this.#options.connect().then((socket) => {
      this.#track(socket);
      done(null, socket);
    }, done);
  }

  #track(socket: TLSSocket): void {
    if (this.#destroyed) socket.destroy();
    this.#sockets.add(socket);
    // While no request runs on it nobody else listens.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  destroyAll(): void {
    this.#destroyed = true;
    this.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function sendRequest(agent: Agent, server: string, request: TransportRequest): Promise<TransportResponse> {
  return new Promise((resolve, reject) => {
    const { signal, body } = request;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const url = new URL(server);
    let hasSocket = false;
    const toError = (error: unknown) => (signal?.aborted ? signal.reason : toTransportError(error, server, hasSocket));
    const outgoing = startRequest({
      agent,
      host: url.hostname,
      method: request.method,
      path: request.path,
      headers: {
        host: url.host,
        ...request.headers,
        ...request.repeatedHeaders,
        ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
      },
    });
    const onAbort = () => outgoing.destroy();
    signal?.addEventListener('abort', onAbort, { once: true });
    outgoing.once('socket', () => {
      hasSocket = true;
    });
    outgoing.on('error', (error) => reject(toError(error)));
    outgoing.once('response', (incoming: IncomingMessage) => {
      resolve({
        status: incoming.statusCode!,
        headers: flattenHeaders(incoming.headers),
        body: readBody(incoming, toError),
      });
    });
    outgoing.once('close', () => {
      signal?.removeEventListener('abort', onAbort);
      reject(toError(new Error('connection closed without an answer')));
    });
    outgoing.end(body);
  });
}
