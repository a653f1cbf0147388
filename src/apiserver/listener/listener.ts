import { constants } from 'node:crypto';
import type { ServerResponse as Http1Response, IncomingMessage } from 'node:http';
import {
  createSecureServer,
  constants as http2,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { judgeByClock } from '../../pki/judge-by-clock.ts';
import { chooseHttp, chooseHttp1 } from '../../std/alpn.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { endFailedHandshakes } from '../../std/end-failed-handshakes.ts';
import { IdleSessions } from '../../std/idle-sessions.ts';
import type { Logger } from '../../std/logger.ts';
import { hostProblem, originForm } from '../../std/request-target.ts';
import { TurnGate } from '../../std/turn-gate.ts';
import type { CertificatePair } from '../configuration.ts';
import type { IncomingRequest, OutgoingResponse } from '../request/incoming-request.ts';
import { HttpRequest, type RawRequest } from './http-request.ts';
import { HttpResponse, type RawAnswer } from './http-response.ts';
import { Http2Answer } from './http2-answer.ts';
import { contextOf, contextsByName, type NamedCertificate } from './named-certificates.ts';
import { OpenHeads } from './open-heads.ts';
import { type Peer, peerOf } from './peer-certificate.ts';
import { Slices } from './slices.ts';
import { hasBody, takeUpAgain, UnansweredRequests } from './take-up-again.ts';
import { UpgradeResponse } from './upgrade-response.ts';
import { WriteTurns } from './write-turns.ts';

export interface ListenerConfig {
  readonly bindAddress: string;
  readonly port: number;
  /** More addresses, at the same port. */
  readonly moreAddresses?: readonly string[];
  readonly tls: CertificatePair;
  /** For clients that ask for certain names (SNI). */
  readonly namedTls?: readonly NamedCertificate[];
  readonly tlsMinVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's list of suites. Default its own. */
  readonly tlsCiphers?: string;
  /** How many requests a connection of HTTP/2 may have at a time. Default 1,000. */
  readonly http2MaxStreams?: number;
  /** Whether HTTP/1.1 alone is spoken. */
  readonly disableHttp2?: boolean;
  /** Whether another process may listen at the same address and port, the kernel sharing connections out (SO_REUSEPORT). */
  readonly sharesPort?: boolean;
  readonly clientCaPem?: string;
  /** By whose time clients' certificates are judged. Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
  /** How long the rest of a request's body may take by HTTP/1.1 when it has been answered. Default half a minute. */
  readonly restMs?: number;
  /** How long a connection may be open without a request. Default three minutes. */
  readonly idleMs?: number;
  /** How long a TLS handshake may take. Default 32 seconds. */
  readonly handshakeMs?: number;
  readonly logger: Logger;
  /** Answers every request; never rejects. */
  readonly serve: (request: IncomingRequest, response: OutgoingResponse) => Promise<void>;
  /** Whether a request below a path may go on as another protocol (SPDY, WebSocket). To others such a wish is told nothing, as HTTP has it. */
  readonly wantsUpgrade?: (path: string) => boolean;
}

export interface Listener {
  readonly port: number;
  /** New connections get these certificates. Throws, and changes nothing, for one that cannot be used. */
  setCertificates(pair: CertificatePair, named?: readonly NamedCertificate[]): void;
  /** Clients' certificates are held against these authorities from now on, those of open connections too. Throws, and changes nothing, for what is none. */
  setClientAuthorities(pem: string): void;
  /** Stops accepting. Idle connections are closed; busy ones after their answer. */
  close(): void;
  /** Cuts every connection and resolves when all are gone. */
  destroy(): Promise<void>;
}

/**
 * What one HTTP/2 connection may hold, in megabytes. Node refuses every new request on a connection beyond it; with its default of 10
 * one long list would shut out all other requests of that client. How much is held is bounded by the requests in flight.
 */
const SESSION_MEMORY_MB = 1024;

/** The client may keep an idle connection for longer than it thinks of it. */
const KEEP_ALIVE_MS = 180_000;
/** The longest head that is read, as upstream. Clients of HTTP/2 are told; there each header counts for 32 bytes more than it has. */
const LARGEST_HEAD = 1 << 20;
/** Headers are bounded by their size alone: who acts as somebody of many groups sends one for each. Node takes 1,000, by HTTP/2 128. */
const MOST_HEADERS = LARGEST_HEAD;

/** As Go: so long more of a refused request is read and dropped, whose sender would otherwise hear of a reset connection and of nothing else. */
const FAREWELL_MS = 500;
/** So long the rest of a request may take that has been answered. */
const REST_MS = 30_000;
/** When a quiet connection is looked at, in what intervals then, and how often in vain: as upstream's. Node would give up after ten seconds. */
const KEEP_ALIVE = [180_000, 15_000, 9] as const;
/** As upstream's servers wait for a head. */
const HANDSHAKE_MS = 32_000;

/**
 * Serves HTTP/2 and HTTP/1.1 over TLS on one port. Client certificates are asked for and never demanded: one that verifies is an
 * identity, one that does not is told as `peerCertificateError`.
 *
 * @throws CodedError LISTEN_FAILED naming address and port; TLS_INVALID for a broken certificate or key
 */
export async function openListener(config: ListenerConfig): Promise<Listener> {
  let { tls, clientCaPem } = config;
  const secure = (pair: CertificatePair) => ({
    cert: pair.certificatePem,
    key: pair.privateKeyPem,
    minVersion: config.tlsMinVersion ?? ('TLSv1.2' as const),
    ...(config.tlsCiphers && { ciphers: config.tlsCiphers }),
    // An empty list would mean the well-known authorities of the Web.
    ca: clientCaPem ?? pair.certificatePem,
    // As Go: whoever is named as an authority is one, also without the one that vouches for it.
    allowPartialTrustChain: true,
    // A connection that is resumed brings its client's own certificate and not those between it and the authority.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  let named = config.namedTls ?? [];
  const contextsOf = (certificates: readonly NamedCertificate[]) =>
    contextsByName(certificates, (pair) => createSecureContext(secure(pair)));
  let contexts: ReadonlyMap<string, SecureContext> = orThrow(
    'TLS_INVALID',
    'a certificate and key of --tls-sni-cert-key cannot be used',
    () => contextsOf(named),
  );
  const server = orThrow('TLS_INVALID', 'the serving certificate and key cannot be used', () =>
    createSecureServer({
      ...secure(tls),
      // Without a name of ours: the certificate for everybody.
      SNICallback: (name, done) => done(null, contextOf(contexts, name)),
      allowHTTP1: true,
      ALPNCallback: config.disableHttp2 ? chooseHttp1 : chooseHttp,
      requestCert: clientCaPem !== undefined,
      rejectUnauthorized: false,
      handshakeTimeout: config.handshakeMs ?? HANDSHAKE_MS,
      // A watch is one stream: informers of one client open dozens on one connection.
      settings: {
        maxConcurrentStreams: config.http2MaxStreams || 1000,
        initialWindowSize: 1 << 20,
        maxHeaderListSize: LARGEST_HEAD,
      },
      maxSessionMemory: SESSION_MEMORY_MB,
      maxHeaderListPairs: MOST_HEADERS,
    }),
  );
  const http1 = server as typeof server & {
    maxHeaderSize: number;
    maxHeadersCount: number;
    keepAliveTimeout: number;
    headersTimeout: number;
    requestTimeout: number;
  };
  http1.maxHeaderSize = LARGEST_HEAD;
  http1.maxHeadersCount = MOST_HEADERS;
  const idleMs = config.idleMs ?? KEEP_ALIVE_MS;
  http1.keepAliveTimeout = idleMs;
  http1.headersTimeout = 60_000;
  // Uploads to pods take as long as they take. What is answered sooner than it was read is ended below.
  http1.requestTimeout = 0;

  const judgeOf = (authoritiesPem: string | undefined) =>
    authoritiesPem !== undefined && config.clock
      ? judgeByClock({ authoritiesPem, usage: 'client auth', clock: config.clock })
      : undefined;
  let judge = judgeOf(clientCaPem);
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const idle = new IdleSessions(idleMs);
  let peers = new WeakMap<object, Peer>();
  const gate = new TurnGate();
  const unanswered = new UnansweredRequests();
  const heads = new OpenHeads();
  const outlet = { turns: new WriteTurns(), slices: new Slices() };
  server.on('secureConnection', (socket: TLSSocket) => {
    if (sockets.has(socket)) return; // taken up again
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
    // A client that vanished without a word is noticed, though nothing is sent to it for hours.
    socket.setKeepAlive(true, ...KEEP_ALIVE);
  });
  server.on('session', (session) => {
    sessions.add(session);
    idle.begin(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', (error) => config.logger.debug(4, 'HTTP/2 session failed', { error }));
  });
  endFailedHandshakes(server, (error) => config.logger.debug(3, 'TLS handshake failed', { error }));
  const refused = new WeakSet<object>();
  server.on('clientError', (error, socket) => {
    config.logger.debug(4, 'not an HTTP request', { error });
    if (refused.has(socket)) return; // the rest of what it has been answered
    if (!socket.writable) return void socket.destroy();
    refused.add(socket);
    const status =
      (error as NodeJS.ErrnoException).code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
    socket.once('close', () => clearTimeout(timer));
  });

  /** @param connection a socket, or an HTTP/2 session on one */
  const peer = (connection: object, socket: TLSSocket): Peer => {
    let found = peers.get(connection);
    if (!found) {
      found = peerOf(socket, clientCaPem, judge);
      peers.set(connection, found);
    }
    return found;
  };
  const take = (message: RawRequest, answer: RawAnswer, from: Peer) => {
    let request: HttpRequest;
    try {
      request = new HttpRequest(message, from);
    } catch {
      return refuse(answer, 'malformed escape in the path');
    }
    watchForLoss(answer, request);
    const begin = () => void config.serve(request, new HttpResponse(answer, outlet));
    // One piece of an HTTP/2 connection may be a thousand requests. Who takes his back before they are begun costs nothing more.
    const turn = gate.pass();
    if (turn === undefined) begin();
    else void turn.then(() => answer.destroyed || begin());
  };
  (server as unknown as Http1Server).on('request', (message: IncomingMessage, answer: Http1Response) => {
    const problem = hostProblem(message.rawHeaders);
    // Whatever comes behind it on the connection is not believed to be of the same client.
    if (problem) return refuse(answer, problem, { connection: 'close' });
    if (message.headers.upgrade !== undefined && hasBody(message)) answer.shouldKeepAlive = false;
    take(rawRequest(message), answer, peer(message.socket, message.socket as TLSSocket));
    unanswered.note(message.socket, answer);
    answer.once('finish', () => dropUnread(message, config.restMs ?? REST_MS));
  });
  // Whoever listens to requests gets those of HTTP/2 by node's compatibility layer, unless streams are taken as they are.
  server.removeAllListeners('stream');
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    stream.on('error', (error) => config.logger.debug(4, 'HTTP/2 stream failed', { error }));
    const { session } = stream;
    if (!session) return; // gone already
    if (!heads.takes(session, stream, rawHeaders.length / 2)) return stream.close(http2.NGHTTP2_REFUSED_STREAM);
    idle.use(session, stream);
    if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
    const message = { method: headers[':method'], url: headers[':path'], headers, rawHeaders, body: stream };
    take(message, new Http2Answer(stream), peer(session, session.socket as TLSSocket));
  });
  const isHonoured = ({ url = '', rawHeaders }: IncomingMessage) =>
    hostProblem(rawHeaders) === undefined && (config.wantsUpgrade?.(originForm(url).split('?', 1)[0]!) ?? false);
  // With a body Node has read the request already: it is served as it is, and is the last one.
  const upgradable = server as typeof server & { shouldUpgradeCallback?: (message: IncomingMessage) => boolean };
  upgradable.shouldUpgradeCallback = (message) => isHonoured(message) || !hasBody(message);
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isHonoured(message)) {
      const again = () => takeUpAgain(message, head, (connection) => server.emit('secureConnection', connection));
      return unanswered.behind(message.socket, again);
    }
    let request: HttpRequest;
    try {
      const raw = { ...rawRequest(message), takeOver: () => ({ socket, head }) };
      request = new HttpRequest(raw, peer(message.socket, message.socket as TLSSocket));
    } catch {
      socket.destroy(); // a broken escape in the path
      return;
    }
    socket.on('error', (error) => config.logger.debug(4, 'an upgraded connection failed', { error }));
    socket.once('close', () => request.abort(new DOMException('the client went away', 'AbortError')));
    void config.serve(request, new UpgradeResponse(socket));
  });

  await listening(server, config.bindAddress, config.port, config.sharesPort);
  server.on('error', (error) => config.logger.error('listener failed', { error }));
  const { port } = server.address() as AddressInfo;
  const doors = (config.moreAddresses ?? []).map((address) => ({
    address,
    // What comes in there is the one server's to talk to.
    door: createServer((socket) => server.emit('connection', socket)),
  }));
  const closeDoors = () => {
    for (const { door } of doors) door.close();
  };
  try {
    for (const { address, door } of doors) {
      await listening(door, address, port, config.sharesPort);
      door.on('error', (error) => config.logger.error('listener failed', { address, error }));
    }
  } catch (error) {
    server.close();
    closeDoors();
    throw error;
  }
  return {
    port,
    setCertificates(pair, certificates = named) {
      createSecureContext(secure(pair)); // throws for a key of another certificate
      contexts = contextsOf(certificates);
      named = certificates;
      tls = pair;
      server.setSecureContext(secure(pair));
    },
    setClientAuthorities(pem) {
      createSecureContext({ ca: pem });
      judge = judgeOf(pem);
      clientCaPem = pem;
      peers = new WeakMap();
      contexts = contextsOf(named);
      server.setSecureContext(secure(tls));
    },
    close() {
      server.close();
      closeDoors();
      for (const session of sessions) session.close();
      (server as typeof server & { closeIdleConnections?: () => void }).closeIdleConnections?.();
    },
    async destroy() {
      const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      await Promise.all(closed);
    },
  };
}

interface Http1Server {
  on(event: 'request', listener: (message: IncomingMessage, answer: Http1Response) => void): void;
}

const rawRequest = (message: IncomingMessage): RawRequest => ({
  method: message.method,
  url: message.url && originForm(message.url),
  headers: message.headers,
  rawHeaders: message.rawHeaders,
  body: message,
});

function refuse(answer: RawAnswer, problem: string, headers: Readonly<Record<string, string>> = {}): void {
  answer.writeHead(400, { 'content-type': 'text/plain', ...headers });
  answer.end(`400 Bad Request: ${problem}`);
}

/** Node reads what is still to come of a request that nobody reads, for as long as it comes. */
function dropUnread(message: IncomingMessage, withinMs: number): void {
  if (message.complete) return;
  const timer = setTimeout(() => message.destroy(), withinMs).unref();
  message.once('close', () => clearTimeout(timer));
}

function watchForLoss(response: RawAnswer, request: IncomingRequest): void {
  response.once('close', () => {
    if (!response.writableEnded) request.abort(new DOMException('the client went away', 'AbortError'));
  });
  response.on('error', () => request.abort(new DOMException('the connection failed', 'AbortError')));
}

function listening(server: Server, address: string, port: number, sharesPort = false): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = `${address.includes(':') ? `[${address}]` : address}:${port}`;
      const why =
        error.code === 'EADDRINUSE'
          ? 'the port is taken by another process'
          : error.code === 'EADDRNOTAVAIL'
            ? 'this machine has no such address'
            : error.code === 'EACCES'
              ? 'no permission for this port'
              : error.message;
      reject(new CodedError(`cannot listen on ${where}: ${why}`, { code: 'LISTEN_FAILED', cause: error }));
    });
    server.listen({ host: address, port, backlog: 1024, reusePort: sharesPort }, resolve);
  });
}

function orThrow<T>(code: string, message: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new CodedError(`${message}: ${(cause as Error).message}`, { code, cause });
  }
}
