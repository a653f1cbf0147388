import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { type Certificate, parseCertificateDer } from '../pki/certificate.ts';

export interface HandshakeOptions {
  readonly host: string;
  readonly port: number;
  /** Of the authority to verify with; without it nothing is trusted. */
  readonly caPem?: string;
  readonly timeoutMs: number;
}

/** What a server showed in a TLS handshake. */
export interface Handshake {
  readonly certificate: Certificate;
  /** Undefined when the chain leads to the authority and is within its dates; else OpenSSL's code, `CERT_HAS_EXPIRED`. Names are not looked at. */
  readonly distrust: string | undefined;
}

/** Makes a TLS handshake and nothing more. Rejects when nobody answers in time or what is shown cannot be read. */
export function shakeHands({ host, port, caPem, timeoutMs }: HandshakeOptions): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ca: caPem ?? [],
      minVersion: 'TLSv1.2',
      // Whom it is for is the caller's question; a certificate that nobody trusts is to be looked at, too.
      checkServerIdentity: () => undefined,
      rejectUnauthorized: false,
      ...(isIP(host) ? {} : { servername: host }),
    });
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer from ${host}:${port} within ${timeoutMs} ms`)));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      try {
        const certificate = parseCertificateDer(socket.getPeerCertificate().raw);
        const distrust = socket.authorized ? undefined : String(socket.authorizationError ?? 'unknown');
        socket.destroy();
        resolve({ certificate, distrust });
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}
