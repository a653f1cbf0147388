import { isIP } from 'node:net';
import { checkServerIdentity, connect, createSecureContext, type TLSSocket } from 'node:tls';
import { alpnProtocols } from '../../std/alpn.ts';
import { TransportError, toTransportError } from './transport-error.ts';

/** Who the client is, read for each new connection (and the token for each request). */
export interface Credentials {
  readonly certificatePem?: string;
  readonly privateKeyPem?: string;
  readonly token?: string;
}

export interface TlsTarget {
  /** `https://host:port`, as it is named in errors. */
  readonly server: string;
  readonly caPem?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly connectTimeoutMs: number;
}

/** A connection, verified, on which `socket.alpnProtocol` says what to speak. Rejects with a TransportError. */
export function connectTls(target: TlsTarget, credentials: Credentials, protocols: readonly string[]): Promise<TLSSocket> {
  const url = new URL(target.server);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const name = target.tlsServerName ?? host;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      clearTimeout(timer);
      socket?.destroy();
      reject(toTransportError(error, target.server, false));
    };
    let socket: TLSSocket | undefined;
    const timer = setTimeout(() => {
      fail(
        new TransportError(`${target.server}: cannot connect: no answer within ${target.connectTimeoutMs} ms`, {
          code: 'TRANSPORT_CONNECT',
          unsent: true,
        }),
      );
    }, target.connectTimeoutMs);
    try {
      socket = connect({
        host,
        port: Number(url.port || 443),
        // RFC 6066: an address is no server name.
        servername: isIP(name) ? '' : name,
        checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
        rejectUnauthorized: !target.insecureSkipTlsVerify,
        secureContext: createSecureContext({
          ca: target.caPem,
          cert: credentials.certificatePem,
          key: credentials.privateKeyPem,
          minVersion: 'TLSv1.2',
        }),
        ALPNProtocols: alpnProtocols(protocols),
      });
    } catch (error) {
      // A certificate or key that OpenSSL cannot read.
      fail(error);
      return;
    }
    const connecting = socket;
    connecting.once('error', fail);
    connecting.once('secureConnect', () => {
      clearTimeout(timer);
      connecting.off('error', fail);
      connecting.setNoDelay(true);
      connecting.setKeepAlive(true, 30_000);
      resolve(connecting);
    });
  });
}
