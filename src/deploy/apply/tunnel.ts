import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import type { Clock } from '../../std/clock.ts';
import type { Transport } from '../transport/transport.ts';

/** A port of this machine that leads to a port on a host's network. */
export interface Tunnel {
  readonly port: number;
  close(): Promise<void>;
}

/** Where a tunnel may end. */
export interface Exit {
  readonly transport: Transport;
  readonly address: string;
  readonly port: number;
}

/** Of one that says nothing, the next is tried: a host without power refuses no connection. */
const FIRST_ANSWER_MS = 10_000;
/** Of what a client says before it is answered; a TLS greeting is a few KiB. */
const LARGEST_GREETING = 64 * 1024;

/**
 * Listens on a free port of the loopback; each connection becomes one that begins on a host and goes to the first exit that answers,
 * beginning with the one that answered last. For protocols whose client speaks first, and whose greeting may be said again: TLS.
 */
export async function openTunnel(exits: readonly Exit[], clock: Clock): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const ended = new AbortController();
  let first = 0;
  const connect = async (socket: Socket): Promise<void> => {
    const greeting: Buffer[] = [];
    for (let i = 0; i < exits.length; i++) {
      const at = (first + i) % exits.length;
      const { transport, address, port } = exits[at]!;
      const far = transport.connect(address, port);
      if (await isAnswered(socket, far, greeting, { clock, signal: ended.signal })) {
        first = at;
        // Either end's failure ends the connection, which is all that its user has to know.
        pipeline(socket, far, socket, () => {
          far.destroy();
          socket.destroy();
        });
        return;
      }
      far.destroy();
      if (socket.destroyed) return;
    }
    socket.destroy();
  };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // What broke it is told by its end.
    socket.on('error', () => undefined);
    void connect(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a listening server has no port');
  return {
    port: bound.port,
    async close() {
      ended.abort();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Says the client's greeting at the far end, and whether that answered. Leaves both paused, the answer unread. */
async function isAnswered(
  socket: Socket,
  far: Duplex,
  greeting: Buffer[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> {
  const decided = new AbortController();
  let answered = false;
  const decide = (value: boolean) => {
    answered ||= value;
    decided.abort();
  };
  // Told of the end, too: then there is nothing to read.
  const onAnswer = () => decide(far.readableLength > 0);
  const onEnd = () => decide(false);
  const onGreeting = (chunk: Buffer) => {
    greeting.push(chunk);
    if (greeting.reduce((sum, { length }) => sum + length, 0) > LARGEST_GREETING) socket.pause();
    far.write(chunk);
  };
  // For as long as the stream lives: it may fail at any time.
  far.on('error', onEnd);
  far.on('readable', onAnswer).once('end', onEnd).once('close', onEnd);
  for (const chunk of greeting) far.write(chunk);
  socket.on('data', onGreeting).once('close', onEnd);
  // Paused since the exit before, which may have ended before anything was said.
  socket.resume();
  await clock.sleep(FIRST_ANSWER_MS, AbortSignal.any([decided.signal, signal])).catch(() => undefined); // how it ended is told by `answered`
  socket.off('data', onGreeting).off('close', onEnd).pause();
  far.off('readable', onAnswer).off('end', onEnd).off('close', onEnd);
  return answered && !far.destroyed && !socket.destroyed;
}
