import type { ServerRequest, ServerResponse } from '../contracts.ts';
import { websocketProtocols } from '../proxying/pass-upgrade.ts';
import { TUNNEL_TIMES } from '../proxying/tunnel.ts';
import { acceptWebSocket } from './accept-websocket.ts';

const BINARY = 'binary.k8s.io';
const BASE64 = 'base64.binary.k8s.io';

/**
 * Sends what comes to a WebSocket's client, a message for each piece, no faster than it is read (apimachinery's wsstream.Reader):
 * bytes or, for those who wish, text in base64.
 *
 * @throws StatusError 400 for what is no wish for a WebSocket
 */
export async function sendMessages(
  body: AsyncIterable<Uint8Array>,
  request: ServerRequest,
  response: ServerResponse,
): Promise<void> {
  const protocol = websocketProtocols(request.headers).find((name) => name === BINARY || name === BASE64);
  const webSocket = acceptWebSocket(request, response, { protocol, closeTimeoutMs: TUNNEL_TIMES.finishMs });
  const closed = new Promise<void>((resolve) => webSocket.once('close', () => resolve()));
  try {
    for await (const chunk of body) {
      const message = protocol === BASE64 ? Buffer.from(chunk).toString('base64') : chunk;
      await new Promise<void>((resolve) => webSocket.send(message, () => resolve()));
    }
    webSocket.close(1000);
    await closed;
  } finally {
    webSocket.terminate();
  }
}
