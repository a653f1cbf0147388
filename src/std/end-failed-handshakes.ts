import type { EventEmitter } from 'node:events';
import type { TLSSocket } from 'node:tls';

/**
 * Ends each connection whose TLS handshake fails or takes too long. Node hands these to `clientError`, as if they were requests that cannot be read:
 * whoever answers such a one writes to a connection on which nothing can be sent yet, and a client that then does finish its handshake gets
 * HTTP/2 on it. Two writers at once are what Node ends the whole process for.
 *
 * @param server of HTTP over TLS, of any version
 */
export function endFailedHandshakes(server: EventEmitter, failed: (error: Error) => void): void {
  server.removeAllListeners('tlsClientError');
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    socket.destroy();
    failed(error);
  });
}
