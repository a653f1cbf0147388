import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Transport } from '../transport/transport.ts';

/** A port of this machine that leads to a port on a host's network. */
export interface Tunnel {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a free port of the loopback; each connection becomes one that begins on the host. */
export async function openTunnel(transport: Transport, address: string, port: number): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    const far = transport.connect(address, port);
    // Either end's failure ends the connection, which is all that its user has to know.
    pipeline(socket, far, socket, () => {
      far.destroy();
      socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('a listening server has no port');
  return {
    port: bound.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
