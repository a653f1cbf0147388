import { connect as connectTcp, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface TunnelTarget {
  readonly host: string;
  readonly port: number;
}

/** A proxy says little before it lets through. */
const LARGEST_HEAD_BYTES = 16_384;

/**
 * A connection to a host through an HTTP proxy (RFC 9110, section 9.3.6, CONNECT).
 *
 * @param proxyUrl `http://user:password@proxy:3128`; `https://` for a proxy that is itself spoken to over TLS
 * @param signal ends it while it is being made
 * @throws Error that names the proxy without its user, and what it answered
 */
export async function openTunnel(proxyUrl: string, { host, port }: TunnelTarget, signal: AbortSignal): Promise<Socket> {
  const proxy = new URL(proxyUrl);
  const authority = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const socket = await connectToProxy(proxy, signal);
  try {
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization(proxy)}\r\n`);
    const status = await readAnswer(socket, proxy, signal);
    if (status < 200 || status > 299)
      throw new Error(`proxy ${proxy.host} does not connect to ${authority}: it answers ${status}`);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connectToProxy(proxy: URL, signal: AbortSignal): Promise<Socket> {
  const host = proxy.hostname.replace(/^\[|\]$/g, '');
  const isTls = proxy.protocol === 'https:';
  const port = Number(proxy.port || (isTls ? 443 : 80));
  return new Promise((resolve, reject) => {
    const socket = isTls
      ? connectTls({ host, port, minVersion: 'TLSv1.2', ...(isIPv6(host) || /^[\d.]+$/.test(host) ? {} : { servername: host }) })
      : connectTcp({ host, port });
    const fail = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      reject(new Error(`proxy ${proxy.host}: ${error.message || (error as NodeJS.ErrnoException).code}`, { cause: error }));
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

function authorization({ username, password }: URL): string {
  if (!username && !password) return '';
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Proxy-Authorization: Basic ${Buffer.from(user).toString('base64')}\r\n`;
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
    const fail = (why: string) => settle(() => reject(new Error(`proxy ${proxy.host}: ${why}`)));
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
