import type { ClientRequest, IncomingMessage } from 'node:http';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { SpdyAnswer } from '../../client/transport/websocket/serve-remote-command.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { request as httpRequest } from '../../std/http.ts';
import { type Answer, type ApiRequest, errorAnswer, type Outcome, type Upgrade } from './api-exchange.ts';
import { TOKEN_PROTOCOL } from './authentication.ts';

export interface TunnelOptions {
  readonly clock: Clock;
  /** A tunnel on which no byte goes either way for so long is closed. 0: never. */
  readonly idleMs: number;
}

const DIAL_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;
/** How long the client of a stream that has ended may take to fetch what is left of it. */
const FAREWELL_MS = 30_000;
/** How long a stream goes on whose client has no more to say: a command that nobody hears may never end. */
const LEAVE_MS = 5_000;
const LONGEST_REFUSAL_BYTES = 64 * 1024;

/** Who asks is settled here: the runtime must not see it. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set(['host', 'authorization', 'cookie', 'content-length', 'transfer-encoding']);

/**
 * Passes a request that wants another protocol (SPDY/3.1, WebSocket) on to the runtime's streaming server, and then every byte both ways.
 * A half-close of either side goes through, the client's for a few seconds; when one side is gone the other is closed.
 *
 * Nothing of what the client sends behind its request goes on before the server has changed protocols (CVE-2018-1002105).
 */
export async function tunnelTo(
  target: URL,
  request: ApiRequest & { readonly upgrade: Upgrade },
  options: TunnelOptions,
): Promise<Outcome> {
  const { socket: client, head } = request.upgrade;
  let backend: Socket;
  try {
    backend = await dial(target, request.signal);
  } catch (error) {
    return errorAnswer(500, `error dialing backend: ${(error as Error).message}`);
  }
  let answer: { readonly message: IncomingMessage; readonly rest: Buffer; readonly switched: boolean };
  try {
    answer = await ask(target, backend, { ...request, headers: passedHeaders(request.upgrade) });
  } catch (error) {
    backend.destroy();
    return errorAnswer(500, `error dialing backend: ${(error as Error).message}`);
  }
  if (!answer.switched) {
    const refusal = await refusalOf(answer.message);
    backend.destroy();
    return refusal;
  }
  readToTheEnd(backend);
  client.write(headOf(answer.message));
  if (answer.rest.length > 0) client.write(answer.rest);
  if (head.length > 0) backend.write(head);
  await join(client, backend, options);
  return 'taken';
}

/**
 * Asks the runtime's streaming server for SPDY/3.1, on a connection of its own, which is destroyed when `signal` is aborted.
 *
 * @param headers of the request, beside those that ask for the protocol
 */
export async function askForSpdy(
  target: URL,
  headers: Readonly<Record<string, readonly string[]>>,
  { remoteAddress, signal }: Pick<ApiRequest, 'remoteAddress' | 'signal'>,
): Promise<SpdyAnswer & { readonly socket: Socket }> {
  const socket = await dial(target, signal).catch((error: Error) => {
    throw new Error(`error dialing backend: ${error.message}`);
  });
  const told = Object.entries(headers).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
  const asked = ['Connection', 'Upgrade', 'Upgrade', 'SPDY/3.1', ...told];
  try {
    const question = { method: 'POST', headers: asked, signal, ...(remoteAddress && { remoteAddress }) };
    const answer = await ask(target, socket, question);
    if (answer.switched) readToTheEnd(socket);
    // Node's request has let go of the signal by now, and the end of a client that is held up behind a runtime that reads nothing is not read.
    const cut = () => socket.destroy();
    if (signal.aborted) cut();
    signal.addEventListener('abort', cut, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', cut));
    return { ...answer, socket, status: answer.message.statusCode ?? 502 };
  } catch (error) {
    socket.destroy();
    throw new Error(`error dialing backend: ${(error as Error).message}`);
  }
}

function dial(target: URL, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const secure = target.protocol === 'https:';
    const port = Number(target.port || (secure ? 443 : 80));
    // The runtime's certificate is its own; both ends are on this machine.
    const socket = secure
      ? connectTls({ host, port, servername: isIP(host) ? '' : host, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : connectTcp({ host, port });
    socket.allowHalfOpen = true;
    const settle = (error?: Error) => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', settle);
      socket.setTimeout(0);
      if (!error) return resolve(socket.setNoDelay(true));
      socket.destroy();
      reject(error);
    };
    const onAbort = () => settle(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(secure ? 'secureConnect' : 'connect', () => settle());
    socket.once('error', settle);
    socket.setTimeout(DIAL_TIMEOUT_MS, () => settle(new Error(`dial tcp ${target.host}: i/o timeout`)));
  });
}

/** Names and values in turn. */
function passedHeaders({ rawHeaders }: Upgrade): string[] {
  const headers: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (name.toLowerCase() === 'sec-websocket-protocol') headers.push(name, withoutToken(value));
    else if (!NOT_PASSED_ON.has(name.toLowerCase())) headers.push(name, value);
  }
  return headers;
}

interface Question extends Pick<ApiRequest, 'method' | 'remoteAddress' | 'signal'> {
  /** Names and values in turn. */
  readonly headers: readonly string[];
}

function ask(target: URL, backend: Socket, { method, headers: passed, remoteAddress, signal }: Question) {
  const headers: string[] = [];
  const forwarded: string[] = [];
  for (let i = 0; i < passed.length; i += 2)
    if (passed[i]!.toLowerCase() === 'x-forwarded-for') forwarded.push(passed[i + 1]!);
    else headers.push(passed[i]!, passed[i + 1]!);
  if (remoteAddress) forwarded.push(remoteAddress);
  headers.push('Host', target.host);
  if (forwarded.length > 0) headers.push('X-Forwarded-For', forwarded.join(', '));
  if (method === 'POST') headers.push('Content-Length', '0');
  return new Promise<{ message: IncomingMessage; rest: Buffer; switched: boolean }>((resolve, reject) => {
    const asking: ClientRequest = httpRequest({
      createConnection: () => backend,
      method,
      path: `${target.pathname}${target.search}`,
      headers,
      signal,
      maxHeaderSize: 1 << 20,
    });
    asking.setTimeout(ANSWER_TIMEOUT_MS, () => asking.destroy(new Error(`no answer from ${target.host}`)));
    asking.once('upgrade', (message, socket, rest) => {
      socket.setTimeout(0);
      resolve({ message, rest, switched: message.statusCode === 101 });
    });
    asking.once('response', (message) => resolve({ message, rest: Buffer.alloc(0), switched: false }));
    asking.on('error', reject);
    asking.end();
  });
}

function withoutToken(protocols: string): string {
  const kept = protocols.split(',').map((protocol) => protocol.trim());
  return kept.filter((protocol) => !protocol.startsWith(TOKEN_PROTOCOL)).join(', ');
}

export async function refusalOf(message: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > LONGEST_REFUSAL_BYTES) break;
    }
  } catch (error) {
    chunks.push(Buffer.from(`\n${(error as Error).message}`));
  }
  const type = message.headers['content-type'] ?? 'text/plain; charset=utf-8';
  return { status: message.statusCode ?? 502, headers: { 'content-type': type }, body: Buffer.concat(chunks) };
}

function headOf({ statusMessage, rawHeaders }: IncomingMessage): string {
  let text = `HTTP/1.1 101 ${statusMessage || 'Switching Protocols'}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return `${text}\r\n`;
}

/**
 * A command may end without having read its input: the runtime says how, and resets the connection. What cannot be written any more is of
 * no use to anybody, but a socket that fails to write throws away what it has not read yet, and with it that last word. So it goes on
 * until reading fails or ends, too.
 */
function readToTheEnd(socket: Duplex): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, callback) => write(chunk, encoding, () => callback());
  if (writev) socket._writev = (chunks, callback) => writev(chunks, () => callback());
}

/** Every byte both ways, no faster than they are read. Resolves when both sides are closed. */
export function join(client: Duplex, backend: Duplex, { clock, idleMs }: TunnelOptions): Promise<void> {
  return new Promise((resolve) => {
    let lastMs = steadyMs(clock);
    let open = 2;
    let idle: { cancel(): void } | undefined;
    const cut = () => {
      client.destroy();
      backend.destroy();
    };
    const watch = (leftMs: number) => {
      idle = clock.setTimer(leftMs, () => {
        const quietMs = steadyMs(clock) - lastMs;
        if (quietMs >= idleMs) cut();
        else watch(idleMs - quietMs);
      });
    };
    if (idleMs > 0) watch(idleMs);
    const closed = () => {
      if (--open > 0) return;
      idle?.cancel();
      resolve();
    };
    for (const [from, to] of [
      [client, backend],
      [backend, client],
    ] as const) {
      from.allowHalfOpen = true;
      from.on('data', () => {
        lastMs = steadyMs(clock);
      });
      // A runtime that resets its side has said something before: what is on its way to the client still gets there.
      from.on('error', () => from.destroy());
      if (from.closed) closed();
      else from.once('close', closed);
      from.pipe(to);
    }
    client.once('end', () => {
      const leave = clock.setTimer(LEAVE_MS, cut);
      backend.once('close', () => leave.cancel());
    });
    client.once('close', () => backend.destroy());
    backend.once('close', () => {
      // The client may still be fetching the end; what it sends reaches nobody. Unread, it would reset the connection and cost the client the end.
      client.once('end', () => client.destroy());
      client.resume();
      client.end();
      const farewell = clock.setTimer(FAREWELL_MS, () => client.destroy());
      client.once('close', () => farewell.cancel());
    });
    if (client.destroyed || backend.destroyed) cut();
  });
}
