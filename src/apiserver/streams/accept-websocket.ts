import type { WebSocket } from 'ws';
import { acceptWebSocket as accept } from '../../client/transport/websocket/accept-websocket.ts';
import type { ServerRequest, ServerResponse } from '../contracts.ts';

/**
 * Answers a client's wish for a WebSocket and returns it, open.
 *
 * @param protocol the subprotocol chosen of those that the client offers
 * @param closeTimeoutMs how long a client may take to read what is on its way when the WebSocket is closed from this side
 * @throws StatusError 400 for what is no such wish
 */
export function acceptWebSocket(
  request: ServerRequest,
  response: ServerResponse,
  options: { readonly protocol: string | undefined; readonly closeTimeoutMs: number },
): WebSocket {
  return accept(request, (headers) => response.writeHead(101, headers), options);
}
