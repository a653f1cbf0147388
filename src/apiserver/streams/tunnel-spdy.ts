import { createWebSocketStream } from 'ws';
import { unnamedFailure } from '../../api/machinery/status-error.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { openUpgrade, passRefusal, type UpgradeTarget, websocketProtocols } from '../proxying/pass-upgrade.ts';
import { passedRequestHeaders } from '../proxying/passed-headers.ts';
import { TUNNEL_TIMES, tunnel } from '../proxying/tunnel.ts';
import { sendText } from '../response/send.ts';
import { acceptWebSocket } from './accept-websocket.ts';

const PREFIX = 'SPDY/3.1+';
const SUFFIX = '.k8s.io';

/**
 * Serves SPDY inside a WebSocket, whose messages are the pieces of its byte stream
 * (apiserver/pkg/util/proxy/streamtunnel.go). The WebSocket is accepted once the kubelet speaks SPDY; its refusal is the client's.
 */
export async function tunnelSpdy(target: UpgradeTarget, { request }: RequestContext, response: ServerResponse): Promise<void> {
  const offered = websocketProtocols(request.headers).filter((name) => name.startsWith(PREFIX) && name.endsWith(SUFFIX));
  if (!offered.length) return sendText(response, 400, 'unable to upgrade: no tunneling spdy protocols provided\n');
  const passed = Object.entries(passedRequestHeaders(request)).filter(([name]) => !name.startsWith('sec-websocket-'));
  const headers = {
    ...Object.fromEntries(passed),
    'x-stream-protocol-version': offered.map((name) => name.slice(PREFIX.length)),
  };
  const answer = await openUpgrade(target, { method: 'POST', upgrade: 'SPDY/3.1', headers }, request.signal).catch(
    (error: Error) => {
      throw unnamedFailure(error.message);
    },
  );
  try {
    if (!answer.switched) return await passRefusal(answer, response);
    if (!answer.message.headers.upgrade?.toLowerCase().includes('spdy/3.1'))
      throw unnamedFailure('unable to upgrade: missing upgrade headers in response');
    const protocol = `${PREFIX}${String(answer.message.headers['x-stream-protocol-version'] ?? '').trim()}`;
    const chosen = offered.includes(protocol) ? protocol : undefined;
    const webSocket = acceptWebSocket(request, response, { protocol: chosen, closeTimeoutMs: TUNNEL_TIMES.finishMs });
    const client = createWebSocketStream(webSocket);
    if (answer.rest.length) client.write(answer.rest);
    await tunnel(client, answer.socket, { signal: request.signal });
  } finally {
    answer.socket.destroy();
  }
}
