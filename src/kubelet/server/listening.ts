import type { Server } from 'node:http';
import type { AddressInfo, Server as AnyServer } from 'node:net';
import { CodedError } from '../../std/coded-error.ts';

/** Starts listening. Resolves to the port; rejects naming address and port. */
export function listen(server: AnyServer, address: string, port: number, what: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'address already in use' : cause.message;
      reject(new CodedError(`${what}: listen tcp ${address}:${port}: bind: ${why}`, { code: 'LISTEN_FAILED', cause }));
    };
    server.once('error', fail);
    server.listen({ host: address, port }, () => {
      server.off('error', fail);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Stops accepting, lets running requests end for a moment, then ends all connections. */
export async function stopListening(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 250);
  await closed;
  clearTimeout(timer);
}
