import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { ReceivedHeaders } from '../../api/authentication/front-proxy-user.ts';
import { forbidden, internalError, noSuchPath, StatusError, unauthorized } from '../../api/machinery/status-error.ts';
import { CodedError } from '../../std/coded-error.ts';
import { ConnectionRoom } from '../../std/connection-room.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { hostProblem, originForm } from '../../std/request-target.ts';
import type { Client } from '../client.ts';
import { authenticateCaller, mayRead } from './delegated-authentication.ts';
import type { TrustedCallers } from './follow-trusted-callers.ts';

export interface SecureServerOptions {
  bindAddress: string;
  port: number;
  tls: { certificatePem: string; privateKeyPem: string };
  /** Default TLSv1.2. */
  tlsMinVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's list of suites. Default its own. */
  tlsCiphers?: string;
  /** Whether another process may listen at the same address and port (SO_REUSEPORT). */
  sharesPort?: boolean;
  /** Whose client certificates count. Without any, and without a way to find them, none are asked for. */
  trusted?: TrustedCallers;
  /** Tells what of them is not given, and of each change, once the server listens; until then such certificates are nobody's. */
  followTrusted?: (tell: (trusted: TrustedCallers) => void, signal: AbortSignal) => Promise<unknown>;
  /** Answers TokenReviews. */
  authenticationClient?: Client;
  /** Answers SubjectAccessReviews. */
  authorizationClient?: Client;
  /** Open to everybody: a path, or a prefix that ends in `*`. */
  alwaysAllowPaths: readonly string[];
  /** What is served, by path. */
  pages: Readonly<Record<string, ServedPage>>;
  logger: Logger;
}

/** Makes a page in the form that the Accept header asks for, where it has several. */
export type ServedPage = (accept?: string) => Promise<PageText>;

interface PageText {
  readonly contentType: string;
  readonly text: string;
  readonly warning?: string;
}

/** A server for health checks and metrics; ready when it listens. */
export interface SecureServer extends Component {
  /** The port it listens on, once it does. */
  readonly port: number;
}

/** As upstream's servers wait for one. */
const SLOWEST_HEAD_MS = 32_000;
/** Beyond it the oldest goes: who opens them and says nothing takes neither the process's files nor the pages from others. */
const MOST_CONNECTIONS = 4096;

/** Serves `pages` over HTTPS to those whom the API server allows to read them. */
export function createSecureServer(options: SecureServerOptions): SecureServer {
  const { tls, followTrusted, logger } = options;
  let trusted = options.trusted ?? {};
  const done = deferred();
  const secure = {
    cert: tls.certificatePem,
    key: tls.privateKeyPem,
    minVersion: options.tlsMinVersion ?? 'TLSv1.2',
    allowPartialTrustChain: true,
    // A connection that is resumed brings its client's own certificate and not those between it and the authority.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ...(options.tlsCiphers && { ciphers: options.tlsCiphers }),
  } as const;
  const server = createServer({
    ...secure,
    // None, rather than those that the world believes.
    ca: authoritiesOf(trusted),
    requestCert: authoritiesOf(trusted).length > 0 || followTrusted !== undefined,
    // Verified or not, a certificate is asked for; what it is worth is decided below.
    rejectUnauthorized: false,
    handshakeTimeout: SLOWEST_HEAD_MS,
    headersTimeout: SLOWEST_HEAD_MS,
  });
  const room = new ConnectionRoom(MOST_CONNECTIONS);
  server.on('connection', (socket) => room.enter(socket));
  server.on('request', (request, response) => {
    const problem = hostProblem(request.rawHeaders);
    if (problem) return send(response, 400, { contentType: 'text/plain; charset=utf-8', text: problem });
    answer({ ...options, trusted }, request).then(
      (page) => send(response, 200, page),
      (error: unknown) => {
        const failure = error instanceof StatusError ? error : internalError((error as Error).message);
        if (!(error instanceof StatusError)) logger.error('Request failed', { path: request.url, err: error });
        send(response, failure.status.code ?? 500, {
          contentType: 'application/json',
          text: `${JSON.stringify(failure.status)}\n`,
        });
      },
    );
  });
  return {
    name: 'secure server',
    done: done.promise,
    get port() {
      return (server.address() as AddressInfo | null)?.port ?? 0;
    },
    async start(signal) {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: options.port, host: options.bindAddress, reusePort: options.sharesPort ?? false }, resolve);
      }).catch((cause: NodeJS.ErrnoException) => {
        // Its owner waits for the end of what it has tried to start.
        done.resolve();
        throw cannotListen(`${options.bindAddress}:${options.port}`, cause);
      });
      server.on('error', (error) => done.reject(error));
      const take = (found: TrustedCallers) => {
        trusted = { ...found, ...options.trusted };
        server.setSecureContext({ ...secure, ca: authoritiesOf(trusted) });
        // Those of before were looked at when they began.
        server.closeAllConnections();
      };
      followTrusted?.(take, signal).catch((error: unknown) => {
        if (!signal.aborted) logger.error('Cannot follow whose client certificates are believed', { error });
      });
      const close = () => {
        server.close(() => done.resolve());
        // Also those that have not got through TLS.
        room.destroyAll();
      };
      if (signal.aborted) close();
      signal.addEventListener('abort', close, { once: true });
    },
  };
}

function authoritiesOf({ clientCaPem, frontProxies }: TrustedCallers): string[] {
  return [clientCaPem, frontProxies?.caPem].filter((pem) => pem !== undefined);
}

function receivedHeaders({ headersDistinct }: IncomingMessage): ReceivedHeaders {
  return { names: Object.keys(headersDistinct), valuesOf: (name) => headersDistinct[name] ?? [] };
}

function cannotListen(address: string, cause: NodeJS.ErrnoException): CodedError {
  const why = cause.code === 'EADDRINUSE' ? 'address already in use' : cause.message;
  const message = `failed to create listener: failed to listen on ${address}: listen tcp ${address}: bind: ${why}`;
  return new CodedError(message, { code: 'LISTEN_FAILED', cause });
}

async function answer(options: SecureServerOptions, request: IncomingMessage): Promise<PageText> {
  const path = originForm(request.url ?? '/').split('?', 1)[0]!;
  if (
    !options.alwaysAllowPaths.some((allowed) =>
      allowed.endsWith('*') ? path.startsWith(allowed.slice(0, -1)) : path === allowed,
    )
  ) {
    const asked = {
      socket: request.socket as TLSSocket,
      authorization: request.headers.authorization,
      headers: receivedHeaders(request),
      trusted: options.trusted ?? {},
    };
    const caller = await authenticateCaller(asked, options.authenticationClient);
    if (!caller) throw unauthorized();
    if (!(await mayRead(caller, path, options.authorizationClient))) throw refuse(caller.name, path);
  }
  const page = options.pages[path];
  if (!page || (request.method !== 'GET' && request.method !== 'HEAD')) throw noSuchPath();
  return page(request.headers.accept);
}

function refuse(user: string, path: string): StatusError {
  const { status } = forbidden({ group: '', resource: '' }, '', '');
  return new StatusError({ ...status, message: `forbidden: User "${user}" cannot get path "${path}"`, details: {} });
}

function send(response: ServerResponse, status: number, page: PageText): void {
  response.writeHead(status, {
    'content-type': page.contentType,
    ...(page.warning && { warning: page.warning }),
    'content-length': Buffer.byteLength(page.text),
    'x-content-type-options': 'nosniff',
  });
  response.end(page.text);
}
