import { isIPv6, type Socket } from 'node:net';
import { parseIp } from '../../api/machinery/ip.ts';

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const ADDRESS_BYTES = { 1: 4, 4: 16 } as const;
const IS_NAME = 3;
const LONGEST_TEXT_BYTES = 255;

/** RFC 1928, section 6. */
const FAILURES = [
  ...['', 'general failure', 'not allowed by its rules', 'network unreachable', 'host unreachable', 'connection refused'],
  ...['TTL expired', 'command not supported', 'kind of address not supported'],
];

export interface TunnelTarget {
  /** A name is sent as it is, for the proxy to look up. */
  readonly host: string;
  readonly port: number;
}

export const authorityOf = ({ host, port }: TunnelTarget): string => `${isIPv6(host) ? `[${host}]` : host}:${port}`;

/**
 * Asks a SOCKS5 proxy (RFC 1928, with the user and password of RFC 1929) for a connection. Afterwards the socket leads to the target, and
 * nothing that the target says has been read.
 *
 * @throws Error that says what the proxy answered, without its user
 */
export async function askSocksProxy(
  socket: Socket,
  { username, password }: { readonly username: string; readonly password: string },
  target: TunnelTarget,
  signal: AbortSignal,
): Promise<void> {
  const take = (bytes: number) => readExactly(socket, bytes, signal);
  const credentials = username || password ? userAndPassword(username, password) : undefined;
  const request = connectRequest(target);
  const methods = credentials ? [NO_AUTHENTICATION, USER_AND_PASSWORD] : [NO_AUTHENTICATION];
  socket.write(Uint8Array.of(VERSION, methods.length, ...methods));
  const [version, method] = await take(2);
  if (version !== VERSION) throw new Error('its answer is no answer of SOCKS5');
  if (method === USER_AND_PASSWORD && credentials) {
    socket.write(credentials);
    const [, refused] = await take(2);
    if (refused !== 0) throw new Error('it refuses the user');
  } else if (method !== NO_AUTHENTICATION) throw new Error('it wants another way to say who the user is');
  socket.write(request);
  const [repeated, failure, , kind] = await take(4);
  if (repeated !== VERSION) throw new Error('its answer is no answer of SOCKS5');
  if (failure !== 0) throw new Error(`it does not connect to ${authorityOf(target)}: ${FAILURES[failure!] ?? `code ${failure}`}`);
  // From where it connects: of no interest, but in the way.
  const bound = kind === IS_NAME ? (await take(1))[0] : ADDRESS_BYTES[kind as keyof typeof ADDRESS_BYTES];
  if (bound === undefined) throw new Error('its answer is no answer of SOCKS5');
  await take(bound + 2);
}

function connectRequest({ host, port }: TunnelTarget): Buffer {
  const address = parseIp(host);
  const kind = address ? (address.bytes.length === ADDRESS_BYTES[1] ? 1 : 4) : IS_NAME;
  const where = address ? Buffer.from(address.bytes) : withLength('name of the server', host);
  return Buffer.concat([Uint8Array.of(VERSION, CONNECT, 0, kind), where, Uint8Array.of(port >> 8, port & 0xff)]);
}

const userAndPassword = (user: string, password: string): Buffer =>
  Buffer.concat([Uint8Array.of(1), withLength('user', user), withLength('password', password)]);

function withLength(what: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === 0 && what === 'user') throw new Error('a password without a user');
  if (bytes.length > LONGEST_TEXT_BYTES) throw new Error(`the ${what} has more than ${LONGEST_TEXT_BYTES} bytes`);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

/** Leaves what comes behind in the socket. */
function readExactly(socket: Socket, bytes: number, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      socket.off('readable', onReadable);
      socket.off('error', onError);
      socket.off('end', onEnd);
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const fail = (why: string) => settle(() => reject(new Error(why)));
    const onError = (error: Error) => fail(error.message);
    const onEnd = () => fail('it closed the connection');
    const onAbort = () => fail('it does not answer in time');
    const onReadable = () => {
      const chunk: Buffer | null = socket.read(bytes);
      // At the end less may be left.
      if (chunk?.length === bytes) settle(() => resolve(chunk));
      else if (chunk) onEnd();
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    if (socket.readableEnded) {
      onEnd();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('readable', onReadable);
    socket.once('error', onError);
    socket.once('end', onEnd);
    onReadable();
  });
}
