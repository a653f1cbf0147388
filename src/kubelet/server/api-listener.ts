import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import {
  constants,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createDoor, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { type Certificate, parseCertificateDer } from '../../pki/certificate.ts';
import { chooseHttp } from '../../std/alpn.ts';
import { ConnectionRoom } from '../../std/connection-room.ts';
import { endFailedHandshakes } from '../../std/end-failed-handshakes.ts';
import { endUnread } from '../../std/end-unread.ts';
import { createServer } from '../../std/http.ts';
import { IdleSessions } from '../../std/idle-sessions.ts';
import type { Logger } from '../../std/logger.ts';
import { hostProblem, originForm } from '../../std/request-target.ts';
import { TurnGate } from '../../std/turn-gate.ts';
import { type ApiRequest, type Outcome, plainAnswer } from './api-exchange.ts';
import { listen } from './listening.ts';
import { isGone, sendAnswer, sendRaw } from './send-answer.ts';

export interface ApiListenerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** What is said when it cannot listen. */
  readonly what: string;
  /** Plain HTTP without it. */
  readonly secure?: SecureContextOptions;
  /**
   * Makes what serves TLS with the first connection. A node whose API nobody asks for takes no memory for it so; what OpenSSL cannot use is told then, in the
   * log. Default: at once.
   */
  readonly whenAsked?: boolean;
  /** Asks for client certificates; whether one is needed is for `serve`. */
  readonly requestCertificate?: boolean;
  /** Whether a client's certificate leads to somebody who is believed; asked once for each connection. Nobody is without it. */
  readonly believes?: (socket: TLSSocket) => boolean;
  readonly serve: (request: ApiRequest) => Promise<Outcome>;
  /** Which requests may go on as another protocol. */
  readonly wantsUpgrade?: (path: string) => boolean;
  /** Default 4,096; beyond it idle ones go. */
  readonly mostConnections?: number;
  /** What an idle connection is kept for. Default 90 s. */
  readonly idleMs?: number;
  /** How long a TLS handshake may take. Default 30 s. */
  readonly handshakeMs?: number;
  readonly logger: Logger;
}

export interface ApiListener {
  readonly port: number;
  /**
   * New connections are made with these. With `distrust`, connections that exist are ended as soon as they are idle: their callers were
   * verified by an authority that may have gone.
   */
  useSecure(secure: SecureContextOptions, options?: { readonly distrust?: boolean }): void;
  /** Stops accepting, lets running requests end for a moment, then ends all connections. */
  close(): Promise<void>;
}

/** Of all headers, with the request's line: as upstream, since commands of any length come in the query. */
const LARGEST_HEAD = 1 << 20;
const MOST_CONNECTIONS = 4096;
const HEAD_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** As upstream: what Go's client keeps an idle connection for. */
const IDLE_MS = 90_000;
const KEEP_ALIVE_PROBE_MS = 15_000;
const FAREWELL_MS = 250;
/** As Go's server. */
const MOST_STREAMS_OF_CONNECTION = 250;
/** Beyond it Node refuses new requests on a connection: long lists must not shut out the others of one client. */
const SESSION_MEMORY_MB = 128;

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;
/** What HTTP/1.1 and HTTP/2 servers have in common. */
type AnyServer = Server & { setSecureContext?(options: SecureContextOptions): void };

/** Listens for the kubelet's API: HTTP/1.1 and, over TLS, HTTP/2 on one port. Rejects naming address and port. */
export async function openApiListener(options: ApiListenerOptions): Promise<ApiListener> {
  const { serve, logger, wantsUpgrade } = options;
  let { secure } = options;
  const limits = {
    maxHeaderSize: LARGEST_HEAD,
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: options.idleMs ?? IDLE_MS,
  };
  const room = new ConnectionRoom(options.mostConnections ?? MOST_CONNECTIONS);
  const idle = new IdleSessions(options.idleMs ?? IDLE_MS);
  const gate = new TurnGate();
  /** By socket, of HTTP/2 by session. */
  const connections = new Map<object, Connection>();
  let trust = 0;
  let server: AnyServer | undefined;

  const keep = (key: Socket | ServerHttp2Session, connection: Pick<Connection, 'certificate' | 'endIdle' | 'destroy'>) => {
    connections.set(key, { ...connection, trust, running: 0 });
    key.once('close', () => connections.delete(key));
  };

  function connectionOf(message: Request): Connection | undefined {
    const session = 'stream' in message ? message.stream?.session : undefined;
    return connections.get(session ?? message.socket);
  }

  /** @param carrier what closes when the exchange is over or broken: the response, or the socket that was taken over */
  async function outcomeOf(
    message: Request,
    carrier: Response | Duplex,
    upgrade?: ApiRequest['upgrade'],
  ): Promise<Outcome | undefined> {
    // One piece of an HTTP/2 connection may be 250 requests, and of many connections thousands.
    await gate.pass();
    if (isGone(carrier)) return undefined;
    const connection = connectionOf(message);
    // Of a connection that may not be used any more; a client takes it for one that was idle too long.
    if (!connection || connection.trust !== trust) return undefined;
    const gone = new AbortController();
    const { remoteAddress, remotePort } = message.socket;
    const peer = { remoteAddress, remotePort };
    if (++connection.running === 1) room.mark(peer, 'busy');
    carrier.once('close', () => {
      if (--connection.running === 0) room.mark(peer, 'idle');
      gone.abort(new DOMException('the client went away', 'AbortError'));
      if (connection.trust !== trust) connection.endIdle(connection.running);
    });
    const certificate = connection.certificate();
    const target = targetOf(message.url);
    if (!target) return plainAnswer(400, 'Bad Request');
    const request: ApiRequest = {
      method: message.method ?? 'GET',
      ...target,
      headers: message.headers,
      ...(certificate === 'foreign' ? { hasForeignCertificate: true } : certificate && { certificate }),
      ...(remoteAddress && { remoteAddress }),
      signal: gone.signal,
      body: (limitBytes) => readBody(message, limitBytes),
      ...(upgrade && { upgrade }),
    };
    try {
      return await serve(request);
    } catch (error) {
      logger.error('Serving a request failed', { path: message.url?.split('?', 1)[0], err: error });
      return plainAnswer(500, 'Internal Server Error');
    }
  }

  function openServer(): AnyServer {
    const made = (secure
      ? createSecureServer({
          ...secure,
          ...limits,
          allowHTTP1: true,
          ALPNCallback: chooseHttp,
          requestCert: options.requestCertificate === true,
          rejectUnauthorized: false,
          handshakeTimeout: options.handshakeMs ?? HEAD_TIMEOUT_MS,
          settings: { maxConcurrentStreams: MOST_STREAMS_OF_CONNECTION },
          maxSessionMemory: SESSION_MEMORY_MB,
        })
      : createServer(limits)) as unknown as AnyServer;
    made.on('connection', (socket: Socket) => room.enter(socket));
    made.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
      // A peer that vanished without a word is noticed, however long its log is followed.
      socket.setKeepAlive(true, KEEP_ALIVE_PROBE_MS);
      socket.setNoDelay(true);
      if ((socket as Partial<TLSSocket>).alpnProtocol === 'h2') return;
      keep(socket, {
        certificate: certificateOf(secure ? (socket as TLSSocket) : undefined, options.believes, logger),
        endIdle: (running) => void (running === 0 && socket.destroy()),
        destroy: () => void socket.destroy(),
      });
    });
    made.on('session', (session: ServerHttp2Session) => {
      session.on('error', (error) => logger.debug(4, 'HTTP/2 session failed', { err: error }));
      idle.begin(session);
      keep(session, {
        certificate: certificateOf(session.socket as TLSSocket, options.believes, logger),
        endIdle: () => session.close(),
        destroy: () => session.destroy(),
      });
    });
    made.on('stream', (stream: ServerHttp2Stream) => stream.session && idle.use(stream.session, stream));
    endFailedHandshakes(made, (error) => logger.debug(4, 'TLS handshake error', { err: error }));
    made.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      if (!socket.writable) return void socket.destroy();
      const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
      sendRaw(socket, plainAnswer(status, ''));
    });
    made.on('request', (message: Request, response: Response) => {
      const problem = 'stream' in message ? undefined : hostProblem(message.rawHeaders);
      if (problem) {
        const { status, headers } = plainAnswer(400, problem);
        const more = { 'content-length': problem.length, connection: 'close' };
        return void (response as ServerResponse).writeHead(status, { ...headers, ...more }).end(problem);
      }
      response.on('error', (error: Error) => logger.debug(4, 'answering failed', { err: error }));
      void outcomeOf(message, response).then(async (outcome) => {
        if (outcome === undefined || outcome === 'taken') {
          // Other streams of the same connection go on.
          if ('stream' in message) message.stream.close(constants.NGHTTP2_REFUSED_STREAM);
          else message.socket.destroy();
          return;
        }
        try {
          await sendAnswer(response, message.method === 'HEAD', outcome);
          if (!message.complete) leaveUnread(message);
        } catch (error) {
          logger.debug(2, 'An answer broke off', { path: message.url?.split('?', 1)[0], err: error });
          response.destroy();
        }
      });
    });
    if (wantsUpgrade) {
      const upgradable = made as AnyServer & { shouldUpgradeCallback?: (message: IncomingMessage) => boolean };
      upgradable.shouldUpgradeCallback = ({ url = '', rawHeaders }) =>
        hostProblem(rawHeaders) === undefined && wantsUpgrade(originForm(url).split('?', 1)[0]!);
      made.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on('error', (error) => logger.debug(4, 'an upgraded connection failed', { err: error }));
        void outcomeOf(message, socket, { socket, head, rawHeaders: message.rawHeaders }).then((outcome) => {
          if (outcome === undefined) socket.destroy();
          else if (outcome !== 'taken') sendRaw(socket, outcome);
        });
      });
    }
    return made;
  }

  /** What listens until somebody comes. Then its handle is the server's, which takes in all others itself. */
  const door = options.whenAsked
    ? createDoor((first) => {
        try {
          server = openServer();
        } catch (error) {
          logger.error('what serves TLS cannot be made', { err: error });
          first.destroy();
          return;
        }
        server.on('error', (error) => logger.error('listener failed', { err: error }));
        server.listen(door);
        server.emit('connection', first);
      })
    : undefined;
  if (!door) server = openServer();
  const listening = door ?? server!;
  const port = await listen(listening, options.address, options.port, options.what);
  listening.on('error', (error) => logger.error('listener failed', { err: error }));
  const endIdle = () => {
    for (const connection of connections.values()) connection.endIdle(connection.running);
  };
  return {
    port,
    useSecure(next, { distrust = false } = {}) {
      secure = next;
      server?.setSecureContext?.(next);
      if (!distrust) return;
      trust++;
      endIdle();
    },
    async close() {
      const closed = Promise.all(
        [door, server].map((part) => part && new Promise<void>((resolve) => part.close(() => resolve()))),
      );
      endIdle();
      const timer = setTimeout(() => {
        for (const connection of connections.values()) connection.destroy();
        // Also those that have not got through TLS.
        room.destroyAll();
      }, FAREWELL_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

interface Connection {
  /** Which set of client authorities verified its caller. */
  readonly trust: number;
  running: number;
  readonly certificate: () => Certificate | 'foreign' | undefined;
  /** Ends it, when nothing runs on it (any more); HTTP/2 waits by itself. */
  endIdle(running: number): void;
  destroy(): void;
}

function targetOf(asked = '/'): { readonly path: string; readonly query: URLSearchParams } | undefined {
  try {
    const url = originForm(asked);
    if (!url.startsWith('/')) return undefined;
    const { pathname, searchParams } = new URL(`https://kubelet${url}`);
    // Authorization and routing must see the same path, so decode once and collapse nothing.
    const path = decodeURIComponent(pathname);
    return path.includes('\0') ? undefined : { path, query: searchParams };
  } catch {
    return undefined;
  }
}

/** The caller's certificate; `foreign` when none of the client authorities vouches for it. Read once, for the first request. */
function certificateOf(
  socket: TLSSocket | undefined,
  believes: ApiListenerOptions['believes'],
  logger: Logger,
): Connection['certificate'] {
  let found: { readonly certificate: ReturnType<Connection['certificate']> } | undefined;
  const read = () => {
    const presented = socket?.getPeerX509Certificate?.();
    try {
      if (socket && presented && !believes?.(socket)) return 'foreign';
      return presented && parseCertificateDer(presented.raw);
    } catch (error) {
      logger.debug(2, 'A client certificate cannot be read', { err: error });
      return undefined;
    }
  };
  return () => {
    found ??= { certificate: read() };
    return found.certificate;
  };
}

/** What is still to come of a request that has its answer. */
function leaveUnread(message: Request): void {
  if (!('stream' in message)) return void message.resume();
  endUnread(message.stream);
}

async function readBody(message: Request, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) throw new RangeError(`the body is larger than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
