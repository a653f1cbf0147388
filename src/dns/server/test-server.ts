/** A DNS server of a test's own on loopback. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Client } from '../../client/client.ts';
import { systemClock } from '../../std/clock.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import { CLASS } from '../message/constants.ts';
import type { Message } from '../message/message.ts';
import { readMessage } from '../message/read-message.ts';
import { MessageWriter } from '../message/write-message.ts';
import { createDnsServer, type DnsServer } from './dns-server.ts';
import { createFrameReader, framed } from './tcp-frames.ts';

export interface TestServer extends AsyncDisposable {
  readonly server: DnsServer;
  readonly port: number;
  readonly logged: readonly string[];
  change(corefile: string): void;
}

export interface TestServerOptions {
  readonly client?: () => Promise<Client>;
  readonly port?: number;
  readonly readableFiles?: ReadonlySet<string>;
}

/** A port that nobody has, for UDP and soon after for a server. */
async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

const TRIES = 10;

/** @param corefile in which PORT stands for the server's own */
export async function startTestServer(corefile: string, options: TestServerOptions = {}): Promise<TestServer> {
  if (options.port !== undefined) return startServer(corefile, options.port, options);
  for (let tries = 1; ; tries++)
    try {
      return await startServer(corefile, await freeUdpPort(), options);
    } catch (error) {
      // What is free for UDP may be another test's for TCP.
      if ((error as { code?: string }).code !== 'DNS_CANNOT_LISTEN' || tries === TRIES) throw error;
    }
}

async function startServer(corefile: string, port: number, options: TestServerOptions): Promise<TestServer> {
  const logged: string[] = [];
  const listeners = new Set<() => void>();
  let text = corefile.replaceAll('PORT', String(port));
  const server = createDnsServer({
    corefile: {
      path: 'Corefile',
      read: async () => text,
      onChange: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    port,
    environment: {},
    ...(options.readableFiles && { readableFiles: options.readableFiles }),
    listenAddresses: ['127.0.0.1'],
    localAddresses: ['127.0.0.1'],
    client: options.client ?? (() => Promise.reject(new Error('there is no API server in this test'))),
    clock: systemClock,
    logger: recordingLogger(logged),
    random: Math.random,
  });
  const life = new AbortController();
  await server.start(life.signal);
  return {
    server,
    port,
    logged,
    change(next) {
      text = next.replaceAll('PORT', String(port));
      for (const listener of listeners) listener();
    },
    async [Symbol.asyncDispose]() {
      life.abort(new DOMException('the test ends', 'AbortError'));
      await server.done.catch(() => undefined); // a test of its failure looks itself
    },
  };
}

function recordingLogger(lines: string[]): Logger {
  const say = (message: string, fields?: object) => {
    const { error } = (fields ?? {}) as { error?: Error };
    lines.push(error ? `${message}: ${error.message}` : message);
  };
  return { ...silentLogger, info: say, warn: say, error: say, child: () => recordingLogger(lines) };
}

/** A query for one name, with what else is said. */
function queryBytes(name: string, type: number, more: Partial<Message>): Buffer {
  const question = { name, type, class: CLASS.IN };
  const nothing = {
    authoritative: false,
    truncated: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
  };
  const sections = { answers: [], authorities: [], additionals: [], edns: undefined };
  const flags = { id: 7, response: false, opcode: 0, recursionDesired: true, rcode: 0 };
  return new MessageWriter().write({ ...flags, ...nothing, ...sections, question, ...more }, 65_535);
}

/** One datagram there and back. */
export async function askUdp(port: number, name: string, type: number, more: Partial<Message> = {}): Promise<Message> {
  const socket = createSocket('udp4');
  try {
    socket.connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.send(queryBytes(name, type, more));
    const [bytes] = (await once(socket, 'message', { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return readMessage(bytes);
  } finally {
    await new Promise<void>((resolve) => socket.close(resolve));
  }
}

/** The same over a connection. */
export async function askTcp(port: number, name: string, type: number, more: Partial<Message> = {}): Promise<Message> {
  const socket = connect(port, '127.0.0.1');
  try {
    const answered = new Promise<Buffer>((resolve, reject) => {
      socket.on('data', createFrameReader(resolve)).on('error', reject);
      socket.on('close', () => reject(new Error('the connection ended without an answer')));
      socket.setTimeout(10_000, () => socket.destroy());
    });
    socket.write(framed(queryBytes(name, type, more)));
    return readMessage(await answered);
  } finally {
    socket.destroy();
  }
}
