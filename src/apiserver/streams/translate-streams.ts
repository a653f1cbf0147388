import { CLOSING_PROTOCOL } from '../../client/transport/websocket/offered-protocols.ts';
import { serveRemoteCommand, type WantedStreams } from '../../client/transport/websocket/serve-remote-command.ts';
import type { RequestContext, ServerResponse } from '../contracts.ts';
import { openUpgrade, type UpgradeTarget } from '../proxying/pass-upgrade.ts';
import { TUNNEL_TIMES } from '../proxying/tunnel.ts';
import { acceptWebSocket } from './accept-websocket.ts';

/** Serves a remote command by WebSocket (v5.channel.k8s.io) and speaks SPDY to the kubelet. The WebSocket is accepted first. */
export async function translateStreams(
  target: UpgradeTarget,
  wanted: WantedStreams,
  { request }: RequestContext,
  response: ServerResponse,
): Promise<void> {
  const times = { protocol: CLOSING_PROTOCOL, closeTimeoutMs: TUNNEL_TIMES.finishMs };
  const webSocket = acceptWebSocket(request, response, times);
  const ask = (headers: Readonly<Record<string, string[]>>, signal: AbortSignal) =>
    openUpgrade(target, { method: 'POST', upgrade: 'SPDY/3.1', headers }, signal);
  await serveRemoteCommand(webSocket, wanted, { name: 'the kubelet', ask }, request.signal);
}
