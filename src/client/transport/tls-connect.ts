import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { type CertificateJudge, judgeByClock } from '../../pki/judge-by-clock.ts';
import { alpnProtocols } from '../../std/alpn.ts';
import type { Clock } from '../../std/clock.ts';
import { distrustOf } from './distrust.ts';
import { nameComplaint } from './name-complaint.ts';
import { TransportError, toTransportError } from './transport-error.ts';

/** Who the client is, read for each new connection (and the token for each request). */
export interface Credentials {
  readonly certificatePem?: string;
  readonly privateKeyPem?: string;
  readonly token?: string;
}

/** Makes a connection to a place in a way of its own; ended while it is being made when the signal says so. */
export type Dial = (place: { readonly host: string; readonly port: number }, signal: AbortSignal) => Promise<Socket>;

export interface TlsTarget {
  /** `https://host:port`, as it is named in errors. */
  readonly server: string;
  readonly caPem?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly connectTimeoutMs: number;
  /** A proxy on the way to it, of HTTP or SOCKS5. */
  readonly proxyUrl?: string;
  /** Instead of a connection of its own. */
  readonly dial?: Dial;
  /** By whose time the server's certificate is judged. Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'>;
  /** OpenSSL's list of groups for the key exchange. Default its own, of which the first withstands quantum computers. */
  readonly keyExchange?: string;
}

/** A connection, verified, on which `socket.alpnProtocol` says what to speak. Rejects with a TransportError. */
export async function connectTls(target: TlsTarget, credentials: Credentials, protocols: readonly string[]): Promise<TLSSocket> {
  const dial = target.dial ?? (target.proxyUrl ? dialThrough(target, target.proxyUrl) : undefined);
  const tunnel = dial && (await dialed(target, dial));
  return shakeHands(target, credentials, protocols, tunnel);
}

/** Where a server listens. */
export function placeOf(server: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
}

const dialThrough =
  ({ caPem, insecureSkipTlsVerify }: TlsTarget, proxyUrl: string): Dial =>
  async (place, signal) => {
    const { openTunnel } = await import('./proxy-tunnel.ts');
    return openTunnel(proxyUrl, place, { signal, caPem, insecureSkipTlsVerify });
  };

async function dialed({ server, connectTimeoutMs }: TlsTarget, dial: Dial): Promise<Socket> {
  try {
    return await dial(placeOf(server), AbortSignal.timeout(connectTimeoutMs));
  } catch (error) {
    throw toTransportError(error, server, false);
  }
}

function shakeHands(
  target: TlsTarget,
  credentials: Credentials,
  protocols: readonly string[],
  tunnel: Socket | undefined,
): Promise<TLSSocket> {
  const { host, port } = placeOf(target.server);
  const name = target.tlsServerName ?? host;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => {
      clearTimeout(timer);
      socket?.destroy();
      reject(toTransportError(error, target.server, false));
    };
    let socket: TLSSocket | undefined;
    let judge: ReturnType<typeof judgeByClock>;
    const timer = setTimeout(() => {
      fail(
        new TransportError(`${target.server}: cannot connect: no answer within ${target.connectTimeoutMs} ms`, {
          code: 'TRANSPORT_CONNECT',
          unsent: true,
        }),
      );
    }, target.connectTimeoutMs);
    try {
      const { caPem, clock, insecureSkipTlsVerify } = target;
      if (clock && caPem !== undefined && !insecureSkipTlsVerify)
        judge = judgeByClock({ authoritiesPem: caPem, usage: 'server auth', clock });
      socket = connect({
        ...(tunnel ? { socket: tunnel } : { host, port }),
        // RFC 6066: an address is no server name.
        servername: isIP(name) ? '' : name,
        checkServerIdentity: () => undefined,
        // Judged below, before anything is sent.
        rejectUnauthorized: false,
        secureContext: contextOf(target, credentials),
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
      const complaint = target.insecureSkipTlsVerify ? undefined : complaintOf(connecting, name, target.caPem, judge);
      if (complaint) {
        fail(complaint);
        return;
      }
      connecting.setNoDelay(true);
      connecting.setKeepAlive(true, 30_000);
      resolve(connecting);
    });
  });
}

/** Those for connections without a certificate of the client's, by what they are made of, from which they follow. */
const lastContexts = new Map<string, SecureContext>();
const MOST_CONTEXTS = 8;

/** To make one takes OpenSSL as long as a good part of the handshake: nodes that join with a token share one. */
function contextOf({ caPem, keyExchange }: TlsTarget, { certificatePem, privateKeyPem }: Credentials): SecureContext {
  const make = () =>
    createSecureContext({
      ca: caPem,
      // Go trusts whatever it is given as an authority, also one that another one vouches for.
      allowPartialTrustChain: true,
      cert: certificatePem,
      key: privateKeyPem,
      minVersion: 'TLSv1.2',
      ...(keyExchange !== undefined && { ecdhCurve: keyExchange }),
    });
  // The system's authorities may change.
  if (caPem === undefined || certificatePem !== undefined || privateKeyPem !== undefined) return make();
  const key = `${keyExchange ?? ''}\n${caPem}`;
  const context = lastContexts.get(key) ?? make();
  lastContexts.delete(key);
  lastContexts.set(key, context);
  if (lastContexts.size > MOST_CONTEXTS) lastContexts.delete(lastContexts.keys().next().value!);
  return context;
}

/** Why a server is not believed; undefined when it is. Who it says that it is counts only once it is known who says so. */
function complaintOf(
  socket: TLSSocket,
  name: string,
  caPem: string | undefined,
  judge: CertificateJudge | undefined,
): Error | undefined {
  const certificate = socket.getPeerCertificate();
  if (!certificate.raw) return new Error('the server showed no certificate');
  try {
    const code = judge ? judge(certificate.raw) : distrustOf(socket, caPem, 'server auth');
    return code ? Object.assign(new Error(code), { code }) : nameComplaint(name, certificate);
  } catch (error) {
    return error as Error;
  }
}
