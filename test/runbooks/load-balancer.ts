import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface LoadBalancer {
  stop(): Promise<void>;
}

/** What stands behind the documents' virtual address: passes TCP connections on, and knows nothing of TLS. */
export async function startLoadBalancer(listen: Endpoint, to: Endpoint): Promise<LoadBalancer> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    const outgoing = keep(connect({ host: to.address, port: to.port }));
    keep(incoming);
    // Either side may go at any time; the other one then learns it.
    incoming.on('error', () => outgoing.destroy());
    outgoing.on('error', () => incoming.destroy());
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
    incoming.pipe(outgoing).pipe(incoming);
  });
  server.listen(listen.port, listen.address);
  await once(server, 'listening');
  return {
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
