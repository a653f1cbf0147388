import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { RCODE } from '../message/constants.ts';
import type { Message } from '../message/message.ts';
import { readMessage } from '../message/read-message.ts';
import { MAX_MESSAGE_BYTES, type MessageWriter } from '../message/write-message.ts';
import { createFrameReader, framed } from '../server/tcp-frames.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** DNS over TLS (RFC 7858): whom the certificate must be for, by default the address. */
  readonly tls?: { readonly serverName?: string };
}

/** What connections over TLS are made with, in PEM; undefined: the authorities that Node.js knows, and no certificate. */
export interface TlsFiles {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** A way to one upstream, over which any number of questions can be under way. */
export interface UpstreamConnection {
  readonly openedMs: number;
  readonly pending: number;
  readonly closed: boolean;
  /** Rejects with a CodedError UPSTREAM_FAILED when there is no answer within `timeoutMs`. */
  ask(message: Message, timeoutMs: number): Promise<Message>;
  close(): void;
}

export interface ConnectionContext {
  readonly clock: Clock;
  readonly writer: MessageWriter;
  readonly tls?: TlsFiles;
}

interface Waiting {
  readonly asked: Message;
  readonly timer: Timer;
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

/** More would leave few numbers to guess from. */
const MAX_PENDING = 16_384;

const failure = ({ address, port }: Endpoint, what: string, cause?: unknown) =>
  new CodedError(`${address}:${port}: ${what}`, { code: 'UPSTREAM_FAILED', retryable: true, cause });

/**
 * Questions by number: each gets a random one, and only an answer that repeats number and question is taken, so that nobody who does not
 * see the questions can answer them.
 */
function createExchange(endpoint: Endpoint, { clock, writer }: ConnectionContext, send: (bytes: Buffer) => void) {
  const waiting = new Map<number, Waiting>();
  const take = (id: number) => {
    const one = waiting.get(id);
    waiting.delete(id);
    one?.timer.cancel();
    return one;
  };
  return {
    get pending() {
      return waiting.size;
    },
    ask(message: Message, timeoutMs: number): Promise<Message> {
      if (waiting.size >= MAX_PENDING) return Promise.reject(failure(endpoint, 'too many questions are under way'));
      let id = randomInt(0x10000);
      while (waiting.has(id)) id = randomInt(0x10000);
      return new Promise((resolve, reject) => {
        const timer = clock.setTimer(timeoutMs, () => take(id)?.reject(failure(endpoint, 'i/o timeout')));
        waiting.set(id, { asked: message, timer, resolve, reject });
        try {
          send(writer.write({ ...message, id }, MAX_MESSAGE_BYTES));
        } catch (error) {
          take(id)?.reject(failure(endpoint, (error as Error).message, error));
        }
      });
    },
    receive(bytes: Buffer): void {
      const id = bytes.length >= 2 ? bytes.readUInt16BE(0) : -1;
      const one = waiting.get(id);
      if (!one) return;
      let answer: Message;
      try {
        answer = readMessage(bytes);
      } catch (error) {
        take(id)?.reject(failure(endpoint, (error as Error).message, error));
        return;
      }
      if (answer.response && isSameQuestion(one.asked, answer)) take(id)?.resolve(answer);
    },
    fail(error: Error): void {
      for (const id of [...waiting.keys()]) take(id)?.reject(failure(endpoint, error.message, error));
    },
  };
}

function isSameQuestion({ question: asked }: Message, { question, rcode }: Message): boolean {
  // A server that could not read a question, or would not, repeats none. Whoever says something of a name has to say of which.
  if (!question) return rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN;
  return (
    question.type === asked?.type && question.class === asked.class && question.name.toLowerCase() === asked.name.toLowerCase()
  );
}

export function openUdp(endpoint: Endpoint, context: ConnectionContext): UpstreamConnection {
  const socket = createSocket(isIPv6(endpoint.address) ? 'udp6' : 'udp4');
  let ready = false;
  let closed = false;
  const early: Buffer[] = [];
  const send = (bytes: Buffer) => {
    if (ready) socket.send(bytes);
    else early.push(bytes);
  };
  const exchange = createExchange(endpoint, context, send);
  const end = (error: Error) => {
    if (closed) return;
    closed = true;
    socket.close();
    exchange.fail(error);
  };
  socket.on('message', (bytes) => exchange.receive(bytes));
  socket.on('error', end);
  // Connected, the kernel takes datagrams of this one sender only, and tells when nobody listens there.
  socket.connect(endpoint.port, endpoint.address, () => {
    ready = true;
    for (const bytes of early.splice(0)) socket.send(bytes);
  });
  socket.unref();
  return handleOf(exchange, context.clock.now(), () => closed, end);
}

/** Over TLS where the endpoint says so. */
export function openTcp(endpoint: Endpoint, context: ConnectionContext, idleMs: number): UpstreamConnection {
  const { address: host, port, tls } = endpoint;
  const socket = tls
    ? connectTls({ host, port, ...context.tls, ...(tls.serverName !== undefined && { servername: tls.serverName }) })
    : connect({ host, port });
  socket.setNoDelay();
  let closed = false;
  const exchange = createExchange(endpoint, context, (bytes) => void socket.write(framed(bytes)));
  const end = (error: Error) => {
    if (closed) return;
    closed = true;
    socket.destroy();
    exchange.fail(error);
  };
  socket.on(
    'data',
    createFrameReader((bytes) => exchange.receive(bytes)),
  );
  socket.on('error', end);
  socket.on('close', () => end(new Error('the connection was closed')));
  socket.setTimeout(idleMs, () => {
    if (exchange.pending === 0) end(new Error('the connection was idle'));
  });
  socket.unref();
  return handleOf(exchange, context.clock.now(), () => closed, end);
}

function handleOf(
  exchange: ReturnType<typeof createExchange>,
  openedMs: number,
  isClosed: () => boolean,
  end: (error: Error) => void,
): UpstreamConnection {
  return {
    openedMs,
    get pending() {
      return exchange.pending;
    },
    get closed() {
      return isClosed();
    },
    ask: exchange.ask,
    close: () => end(new Error('the server ends')),
  };
}
