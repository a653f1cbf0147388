import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureVersion, TLSSocket } from 'node:tls';
import type { Client } from '../../client/client.ts';
import { type Certificate, parseCertificateDer } from '../../pki/certificate.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { KeyPair } from '../certificates/certificate-store.ts';
import { createAuthentication } from './authentication.ts';
import { createAuthorization, forbiddenMessage } from './authorization.ts';
import type { KubeletView } from './kubelet-view.ts';
import { listen, stopListening } from './listening.ts';
import { ExpirationHistogram } from './metrics.ts';
import { attributesOf } from './request-attributes.ts';
import { type Answer, createRoutes } from './routes.ts';

export interface KubeletServerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly view: KubeletView;
  readonly client: Client;
  /** The contents of `authentication.x509.clientCAFile`. */
  readonly clientCaPem?: string;
  /** Undefined while none is issued: handshakes fail until `useCertificate`. */
  readonly certificate?: KeyPair;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KubeletServer extends Component {
  /** 0 before it listens. */
  readonly port: number;
  /** New connections get this certificate; running ones go on. */
  useCertificate(pair: KeyPair): void;
}

/** The kubelet's secured API (:10250): every path asks who it is and whether he may. */
export function createKubeletServer(options: KubeletServerOptions): KubeletServer {
  const { view, clock, logger, client } = options;
  const { configuration, nodeName } = view;
  const expirations = new ExpirationHistogram();
  const authenticate = createAuthentication({ configuration, client, clock });
  const authorize = createAuthorization({ configuration, nodeName, client, clock });
  const route = createRoutes(view, expirations, clock);
  const done = deferred();
  let port = 0;

  const secure = (pair: KeyPair | undefined) => ({
    ...(pair && { cert: pair.certificatePem, key: pair.privateKeyPem }),
    ...(options.clientCaPem && { ca: options.clientCaPem }),
    minVersion: minimumVersion(configuration.tlsMinVersion),
    ...(configuration.tlsCipherSuites?.length && { ciphers: configuration.tlsCipherSuites.join(':') }),
  });
  const server: Server = createServer(
    { ...secure(options.certificate), requestCert: Boolean(options.clientCaPem), rejectUnauthorized: false },
    (request, response) => void serve(request, response),
  );
  server.on('tlsClientError', (error: Error) => logger.debug(4, 'TLS handshake error', { err: error }));

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: Answer;
    try {
      answer = await answerRequest(request);
    } catch (error) {
      logger.error('Serving a request failed', { path: request.url, err: error });
      answer = plain(500, 'Internal Server Error');
    }
    send(response, request.method === 'HEAD', answer);
  }

  async function answerRequest(request: IncomingMessage): Promise<Answer> {
    const method = request.method ?? 'GET';
    const path = decodedPath(request.url);
    if (path === undefined) return plain(400, 'Bad Request');
    const certificate = clientCertificate(request.socket as TLSSocket);
    if (certificate) {
      // TLS looked at the time when the connection opened, which may be long ago.
      if (certificate.notAfterMs < clock.now()) return plain(401, 'Unauthorized');
      expirations.observe((certificate.notAfterMs - clock.now()) / 1000);
    }
    const { authorization } = request.headers;
    let user: Awaited<ReturnType<typeof authenticate>>;
    try {
      user = await authenticate({ ...(certificate && { certificate }), ...(authorization && { authorization }) });
    } catch (error) {
      logger.error('Unable to authenticate the request due to an error', { err: error });
    }
    if (!user) return plain(401, 'Unauthorized');
    const attributes = attributesOf(method, path);
    try {
      if (!(await authorize(user, attributes))) return plain(403, forbiddenMessage(user, attributes));
    } catch (error) {
      logger.error('Unable to authorize the request due to an error', { user: user.name, path, err: error });
      const what = forbiddenMessage(user, attributes).slice('Forbidden '.length);
      return plain(500, `Authorization error ${what}`);
    }
    return route(method, path);
  }

  return {
    name: `kubelet API of ${nodeName}`,
    get port() {
      return port;
    },
    async start(signal) {
      try {
        port = await listen(server, options.address, options.port, 'Failed to listen and serve');
      } catch (error) {
        done.resolve();
        throw error;
      }
      logger.info('Starting to listen', { address: options.address, port });
      const stop = () => stopListening(server).then(done.resolve, done.reject);
      if (signal.aborted) await stop();
      else signal.addEventListener('abort', () => void stop(), { once: true });
    },
    done: done.promise,
    useCertificate: (pair) => server.setSecureContext(secure(pair)),
  };
}

/** As upstream's kubelet says it: without a newline behind it. */
const plain = (status: number, body: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body });

function send(response: ServerResponse, headOnly: boolean, answer: Answer): void {
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'x-content-type-options': 'nosniff',
  });
  response.end(headOnly ? undefined : answer.body);
}

function decodedPath(url: string | undefined): string | undefined {
  try {
    // Authorization and routing must see the same path, so decode once and collapse nothing.
    return decodeURIComponent(new URL(url ?? '/', 'https://kubelet').pathname);
  } catch {
    return undefined;
  }
}

/** The caller's certificate, when one of the client authorities vouches for it. */
function clientCertificate(socket: TLSSocket): Certificate | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate ? parseCertificateDer(certificate.raw) : undefined;
}

function minimumVersion(setting: string | undefined): SecureVersion {
  return setting === 'VersionTLS13' ? 'TLSv1.3' : 'TLSv1.2';
}
