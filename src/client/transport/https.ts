import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../std/clock.ts';
import type { Connection } from './connection.ts';
import { createHttp2Connection } from './http2-connection.ts';
import { type Credentials, connectTls, type Dial, type TlsTarget } from './tls-connect.ts';
import type { Transport, TransportRequest, TransportResponse } from './transport.ts';
import { TransportError } from './transport-error.ts';

export type { Credentials, Dial } from './tls-connect.ts';

export interface HttpsTransportOptions {
  /** `https://host:port` and perhaps a path that every request's path follows. */
  server: string;
  /** Whom to trust; the system's authorities when not given. */
  caPem?: string | (() => string);
  /** Read for each new connection; `close()` makes new ones be read. Default: none. */
  credentials?: () => Credentials;
  /** Asked for each request; without it the token of `credentials` holds for as long as the connection. */
  token?: () => string | undefined;
  tlsServerName?: string;
  insecureSkipTlsVerify?: boolean;
  /** A proxy on the way to it, of HTTP or SOCKS5. */
  proxyUrl?: string;
  /** Makes its connections, instead of them being its own. */
  dial?: Dial;
  /** By whose time the server's certificate is judged. Default: the machine's. */
  clock?: Pick<Clock, 'now'>;
  /** OpenSSL's list of groups for the key exchange. Default its own, of which the first withstands quantum computers. */
  keyExchange?: string;
  /** Default 30 s, as Go's dialer. */
  connectTimeoutMs?: number;
  /** Default HTTP/2, else HTTP/1.1. */
  protocols?: readonly ('h2' | 'http/1.1')[];
  /** How often the server is asked whether it is there. Default 30 s. */
  pingIntervalMs?: number;
  /** How long it may take to say so. Default 15 s. */
  pingTimeoutMs?: number;
}

/**
 * A transport over one TLS connection of its own, made with the first request and made again when it is lost. Speaks HTTP/2,
 * or HTTP/1.1 (then with a connection for each running request) when the server wants that.
 */
export function createHttpsTransport(options: HttpsTransportOptions): Transport {
  return new HttpsTransport(options);
}

class HttpsTransport implements Transport {
  #options: HttpsTransportOptions;
  #origin: string;
  #pathPrefix: string;
  /** The token that came with the current connection's credentials. */
  #connectionToken: string | undefined;
  /** What is connected, or on its way to be. */
  #current: Promise<Connection> | undefined;
  /** All that are open, among them old ones that the server wants to end, on which answers still run. */
  #open = new Set<Connection>();
  #closed = false;

  constructor(options: HttpsTransportOptions) {
    const url = new URL(options.server);
    if (url.protocol !== 'https:') throw new TypeError(`server "${options.server}" does not begin with https://`);
    this.#options = options;
    this.#origin = url.origin;
    this.#pathPrefix = url.pathname.replace(/\/+$/, '');
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    try {
      return await this.#send(request);
    } catch (error) {
      // The connection ended between two requests and nothing was sent, so a new connection is no second attempt.
      if (error instanceof TransportError && error.unsent && error.code === 'TRANSPORT_INTERRUPTED' && !request.signal?.aborted) {
        return this.#send(request);
      }
      throw error;
    }
  }

  async #send(request: TransportRequest): Promise<TransportResponse> {
    const connection = await abortable(this.#connection(), request.signal);
    const token = this.#options.token ? this.#options.token() : this.#connectionToken;
    const headers = token ? { authorization: `Bearer ${token}`, ...request.headers } : request.headers;
    return connection.request({ ...request, headers, path: this.#pathPrefix + request.path });
  }

  async #connection(): Promise<Connection> {
    if (this.#closed)
      throw new TransportError(`${this.#origin}: the transport is closed`, { code: 'TRANSPORT_CLOSED', unsent: true });
    const current = this.#current;
    if (current !== undefined) {
      const connection = await current;
      if (connection.usable) return connection;
      // Others may have noticed first and have begun a new one.
      if (this.#current === current) this.#current = undefined;
      return this.#connection();
    }
    const connecting = this.#connect();
    this.#current = connecting;
    try {
      return await connecting;
    } catch (error) {
      if (this.#current === connecting) this.#current = undefined;
      throw error;
    }
  }

  async #connect(): Promise<Connection> {
    const { protocols = ['h2', 'http/1.1'], caPem, connectTimeoutMs = 30_000, pingIntervalMs, pingTimeoutMs } = this.#options;
    const target: TlsTarget = {
      server: this.#origin,
      caPem: typeof caPem === 'function' ? caPem() : caPem,
      tlsServerName: this.#options.tlsServerName,
      insecureSkipTlsVerify: this.#options.insecureSkipTlsVerify,
      connectTimeoutMs,
      proxyUrl: this.#options.proxyUrl,
      dial: this.#options.dial,
      clock: this.#options.clock,
      keyExchange: this.#options.keyExchange,
    };
    const credentials = this.#readCredentials();
    const socket: TLSSocket = await connectTls(target, credentials, protocols);
    this.#connectionToken = credentials.token;
    if (socket.alpnProtocol === 'h2') {
      const onClose = () => this.#open.delete(connection);
      const connection = createHttp2Connection({ server: this.#origin, socket, pingIntervalMs, pingTimeoutMs, onClose });
      return this.#keep(connection);
    }
    const { createHttp1Connection } = await import('./http1-connection.ts');
    const connect = () => connectTls(target, this.#readCredentials(), ['http/1.1']);
    return this.#keep(createHttp1Connection({ server: this.#origin, socket, connect }));
  }

  #readCredentials(): Credentials {
    return this.#options.credentials?.() ?? {};
  }

  #keep(connection: Connection): Connection {
    this.#open.add(connection);
    return connection;
  }

  async close(options?: { final?: boolean }): Promise<void> {
    if (options?.final) this.#closed = true;
    const current = this.#current;
    this.#current = undefined;
    await current?.catch(() => undefined); // whoever asked for it has been told
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
  }
}

/** `promise`, or the signal's reason when that comes first. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
