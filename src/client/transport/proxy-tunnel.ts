import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, getCACertificates } from 'node:tls';
import { askSocksProxy, authorityOf, type TunnelTarget } from './socks-handshake.ts';

export interface TunnelOptions {
  readonly signal: AbortSignal;
  /** What this side shows to a proxy that is spoken to over TLS. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: string };
  /** The cluster's authority, by which Go's clients know a proxy that is spoken to over TLS; the system's count too. */
  readonly caPem?: string;
  /** Whether `caPem` counts alone. */
  readonly onlyCa?: boolean;
  /** The name by which such a proxy is known; default its host. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
}

/** A proxy says little before it lets through. */
const LARGEST_HEAD_BYTES = 16_384;
/** As Go has them. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 };

/**
 * A connection to a host through a proxy: of HTTP (RFC 9110, section 9.3.6, CONNECT) or SOCKS5, which look the host's name up themselves.
 *
 * @param proxyUrl `http://user:password@proxy:3128`; `https://` for a proxy that is itself spoken to over TLS; `socks5://`;
 *   `unix:///run/proxy.sock` for one of HTTP at a Unix socket
 * @param options.signal ends it while it is being made
 * @throws Error that names the proxy without its user, and what it answered
 */
export async function openTunnel(proxyUrl: string, target: TunnelTarget, options: TunnelOptions): Promise<Socket> {
  const proxy = new URL(proxyUrl);
  const { signal } = options;
  const socket = await connectToProxy(proxy, options);
  try {
    if (proxy.protocol === 'socks5:') await askSocks(socket, proxy, target, signal);
    else await askToConnect(socket, proxy, target, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function askToConnect(socket: Socket, proxy: URL, target: TunnelTarget, signal: AbortSignal): Promise<void> {
  const authority = authorityOf(target);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization(proxy)}\r\n`);
  const status = await readAnswer(socket, proxy, signal);
  if (status < 200 || status > 299)
    throw new Error(`proxy ${nameOf(proxy)} does not connect to ${authority}: it answers ${status}`);
}

async function askSocks(socket: Socket, proxy: URL, target: TunnelTarget, signal: AbortSignal): Promise<void> {
  try {
    await askSocksProxy(socket, userOf(proxy), target, signal);
  } catch (error) {
    throw new Error(`proxy ${nameOf(proxy)}: ${(error as Error).message}`, { cause: error });
  }
}

function connectToProxy(proxy: URL, options: TunnelOptions): Promise<Socket> {
  const { signal, caPem, onlyCa, insecureSkipTlsVerify, client } = options;
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const tlsServerName = options.tlsServerName ?? (isIP(host) ? undefined : host);
  const isTls = proxy.protocol === 'https:';
  const port = Number(proxy.port || DEFAULT_PORTS[proxy.protocol]);
  return new Promise((resolve, reject) => {
    const socket = isTls
      ? connectTls({
          ...{ host, port, minVersion: 'TLSv1.2', rejectUnauthorized: !insecureSkipTlsVerify },
          ...(caPem && { ca: [...(onlyCa ? [] : getCACertificates('default')), caPem], allowPartialTrustChain: true }),
          ...(tlsServerName && { servername: tlsServerName }),
          ...(client && { cert: client.certificatePem, key: client.privateKeyPem }),
        })
      : connectTcp(proxy.protocol === 'unix:' ? { path: decodeURIComponent(proxy.pathname) } : { host, port });
    const fail = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(new Error(`proxy ${nameOf(proxy)}: ${error.message || (error as NodeJS.ErrnoException).code}`, { cause: error }));
    };
    const onAbort = () => fail(signal.reason as Error);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', fail);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** Without its user. */
const nameOf = ({ host, pathname }: URL): string => host || decodeURIComponent(pathname);

const userOf = ({ username, password }: URL) => ({
  username: decodeURIComponent(username),
  password: decodeURIComponent(password),
});

function authorization(proxy: URL): string {
  const { username, password } = userOf(proxy);
  if (!username && !password) return '';
  return `Proxy-Authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}\r\n`;
}

/** Reads the head of the proxy's answer and nothing behind it. */
function readAnswer(socket: Socket, proxy: URL, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (end: () => void) => {
      socket.off('data', onData);
      socket.off('error', onError);
      socket.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const fail = (why: string) => settle(() => reject(new Error(`proxy ${nameOf(proxy)}: ${why}`)));
    const onError = (error: Error) => fail(error.message);
    const onEnd = () => fail('it closed the connection');
    const onAbort = () => fail('it does not answer in time');
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (head.length > LARGEST_HEAD_BYTES) fail('its answer is no answer of HTTP');
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(head.toString('latin1', 0, end + 2))?.[1];
      socket.pause();
      if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
      if (status === undefined) fail('its answer is no answer of HTTP');
      else settle(() => resolve(Number(status)));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('data', onData);
    socket.once('error', onError);
    socket.once('end', onEnd);
  });
}
