import { Agent } from 'node:https';
import type { Duplex } from 'node:stream';
import { type Credentials, connectTls, type TlsTarget } from './tls-connect.ts';

/** Connections to one server over HTTP/1.1, for requests of `node:https`; no request goes out before it is known who the server is, in the way of this client. */
export class VerifyingAgent extends Agent {
  readonly #connect: () => Promise<Duplex>;
  /** Whether connections may wait for the next request. */
  keepsIdle = true;

  /** @param keepIdle so many connections that wait for the next request are kept; 0: none */
  constructor(target: TlsTarget, credentials: Credentials, keepIdle = 0) {
    super(keepIdle > 0 ? { keepAlive: true, maxFreeSockets: keepIdle } : { keepAlive: false });
    this.#connect = () => connectTls(target, credentials, ['http/1.1']);
  }

  override keepSocketAlive(socket: Duplex): boolean {
    return this.keepsIdle && (super.keepSocketAlive(socket) as unknown as boolean);
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, socket: Duplex) => void): undefined {
    this.#connect().then(
      (socket) => callback?.(null, socket),
      (error: Error) => callback?.(error, undefined as unknown as Duplex),
    );
  }
}
