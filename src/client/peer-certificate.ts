import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { type Certificate, parseCertificateDer } from '../pki/certificate.ts';
import { distrustOf } from './transport/distrust.ts';

export interface HandshakeOptions {
  readonly host: string;
  readonly port: number;
  /** Of the authority to verify with; without it nothing is trusted. */
  readonly caPem?: string;
  readonly timeoutMs: number;
  /** Whom to ask for where one address serves many; default the host. */
  readonly serverName?: string;
  /** A proxy on the way to it, of HTTP or SOCKS5. */
  readonly proxyUrl?: string;
}

/** What a server showed in a TLS handshake. */
export interface Handshake {
  readonly certificate: Certificate;
  /** Undefined when the chain leads to the authority and is within its dates; else OpenSSL's code, `CERT_HAS_EXPIRED`. Names are not looked at. */
  readonly distrust: string | undefined;
}

/** Whom it is for is the caller's question; a certificate that nobody trusts is to be looked at, too. */
export const lookingOptions = (host: string, caPem: string | undefined) =>
  ({
    ca: caPem ?? [],
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.2',
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
    ...(isIP(host) ? {} : { servername: host }),
  }) as const;

/** What the server has shown on a connection of `lookingOptions`. Throws when it cannot be read. */
export function shownOn(socket: TLSSocket, caPem: string | undefined): Handshake {
  const certificate = parseCertificateDer(socket.getPeerCertificate().raw);
  return { certificate, distrust: distrustOf(socket, caPem ?? '', 'server auth') };
}

/** Makes a TLS handshake and nothing more. Rejects when nobody answers in time or what is shown cannot be read. */
export async function shakeHands({
  host,
  port,
  caPem,
  timeoutMs,
  proxyUrl,
  serverName = host,
}: HandshakeOptions): Promise<Handshake> {
  const tunnel = proxyUrl ? await tunnelThrough(proxyUrl, { host, port, caPem, timeoutMs }) : undefined;
  return new Promise((resolve, reject) => {
    const socket = connect({ ...(tunnel ? { socket: tunnel } : { host, port }), ...lookingOptions(serverName, caPem) });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer from ${host}:${port} within ${timeoutMs} ms`)));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      try {
        const shown = shownOn(socket, caPem);
        socket.destroy();
        resolve(shown);
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

async function tunnelThrough(proxyUrl: string, { host, port, caPem, timeoutMs }: HandshakeOptions) {
  const { openTunnel } = await import('./transport/proxy-tunnel.ts');
  return openTunnel(proxyUrl, { host, port }, { signal: AbortSignal.timeout(timeoutMs), caPem });
}
