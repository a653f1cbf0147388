import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import { CodedError } from '../../std/coded-error.ts';
import { ConnectionRoom } from '../../std/connection-room.ts';
import type { Logger } from '../../std/logger.ts';
import type { Packet } from './answer-packet.ts';
import { Frames, framed } from './tcp-frames.ts';

export type AnswerPacket = (packet: Packet) => Buffer | undefined | Promise<Buffer | undefined>;

/** One address and port, over UDP and TCP. */
export interface DnsListener {
  readonly port: number;
  close(): Promise<void>;
}

const RECEIVE_BYTES = 1024 * 1024;
/** Beyond it the one on which nothing has been asked for longest goes: who opens them and says nothing shuts nobody else out. */
const MAX_CONNECTIONS = 1000;
/** As CoreDNS's. */
const IDLE_MS = 10_000;
/** Questions of one connection, and of all datagrams, that are under way; more are left to the network's own patience. */
const MAX_PER_CONNECTION = 128;
const MAX_DATAGRAMS = 16_384;
/** Of answers on one connection that their asker does not fetch. */
const MOST_UNSENT_BYTES = 1024 * 1024;

/** @throws CodedError DNS_CANNOT_LISTEN */
export async function openListener(address: string, port: number, answer: AnswerPacket, logger: Logger): Promise<DnsListener> {
  const tcp = await openTcp(address, port, answer);
  const actualPort = (tcp.server.address() as { port: number }).port;
  try {
    const udp = await openUdp(address, actualPort, answer, logger);
    return {
      port: actualPort,
      async close() {
        await Promise.all([udp(), tcp.close()]);
      },
    };
  } catch (error) {
    await tcp.close();
    throw error;
  }
}

function cannotListen(address: string, port: number, cause: NodeJS.ErrnoException): CodedError {
  const why = cause.code === 'EADDRINUSE' ? 'something else listens there' : cause.message;
  return new CodedError(`cannot listen on ${address}:${port}: ${why}`, { code: 'DNS_CANNOT_LISTEN', cause });
}

async function openUdp(address: string, port: number, answer: AnswerPacket, logger: Logger): Promise<() => Promise<void>> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
  let underWay = 0;
  let closed = false;
  socket.on('message', (bytes, { address: remoteAddress, port: remotePort }) => {
    // Nobody asks from port 0, and no answer can be sent there.
    if (remotePort === 0) return;
    const send = (response: Buffer | undefined) => {
      // An asker that has gone is no failure of ours.
      if (response && !closed) socket.send(response, remotePort, remoteAddress, () => undefined);
    };
    if (underWay >= MAX_DATAGRAMS) return;
    const response = answer({ bytes, transport: 'udp', remoteAddress, remotePort });
    if (!(response instanceof Promise)) return send(response);
    underWay++;
    response.then(
      (one) => {
        underWay--;
        send(one);
      },
      (error: unknown) => {
        underWay--;
        logger.error('A datagram could not be answered', { error });
      },
    );
  });
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw cannotListen(address, port, error as NodeJS.ErrnoException);
  }
  socket.on('error', (error) => logger.error('The UDP socket failed', { address, port, error }));
  try {
    socket.setRecvBufferSize(RECEIVE_BYTES);
  } catch (error) {
    logger.debug(2, 'Cannot enlarge the receive buffer', { error });
  }
  return async () => {
    closed = true;
    await new Promise<void>((resolve) => socket.close(resolve));
  };
}

async function openTcp(
  address: string,
  port: number,
  answer: AnswerPacket,
): Promise<{ server: Server; close: () => Promise<void> }> {
  const connections = new Set<Socket>();
  const room = new ConnectionRoom(MAX_CONNECTIONS);
  const server = createServer({ noDelay: true }, (socket) => {
    room.enter(socket);
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    serveConnection(socket, answer, room);
  });
  try {
    server.listen(port, address);
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(address, port, error as NodeJS.ErrnoException);
  }
  return {
    server,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

function serveConnection(socket: Socket, answer: AnswerPacket, room: ConnectionRoom): void {
  const { remoteAddress = '', remotePort = 0 } = socket;
  const peer = { remoteAddress, remotePort };
  const frames = new Frames();
  let underWay = 0;
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  const finish = (response: Buffer | undefined) => {
    if (--underWay === 0) room.mark(peer, 'idle');
    if (response && !socket.destroyed) socket.write(framed(response));
  };
  const hasRoom = () => !socket.destroyed && underWay < MAX_PER_CONNECTION && socket.writableLength < MOST_UNSENT_BYTES;
  /** One piece of a connection may be thousands of questions, each for an answer of 64 KB: they are taken as their answers are fetched. */
  const serve = () => {
    while (hasRoom()) {
      const bytes = frames.next();
      if (bytes === undefined) return void socket.resume();
      if (++underWay === 1) room.mark(peer, 'busy');
      const response = answer({ bytes, transport: 'tcp', remoteAddress, remotePort });
      if (!(response instanceof Promise)) finish(response);
      else
        response.then(
          (one) => {
            finish(one);
            serve();
          },
          () => socket.destroy(),
        );
    }
    socket.pause();
  };
  socket.on('drain', serve);
  socket.on('data', (chunk: Buffer) => {
    frames.add(chunk);
    serve();
  });
}
