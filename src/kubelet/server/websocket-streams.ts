import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { StatusError } from '../../api/machinery/status-error.ts';
import { acceptWebSocket } from '../../client/transport/websocket/accept-websocket.ts';
import { CLOSING_PROTOCOL, tunnelled, tunnelProtocols } from '../../client/transport/websocket/offered-protocols.ts';
import { serveRemoteCommand, type WantedStreams } from '../../client/transport/websocket/serve-remote-command.ts';
import { type Answer, type ApiRequest, errorAnswer, type Outcome, type Upgrade } from './api-exchange.ts';
import { askForSpdy, join, refusalOf, type TunnelOptions } from './stream-tunnel.ts';

type UpgradeRequest = ApiRequest & { readonly upgrade: Upgrade };

/** How long a client may take to read what is on its way when its command has ended. */
const FAREWELL_MS = 15 * 60_000;

/**
 * Serves a remote command by WebSocket (v5.channel.k8s.io), which runtimes do not know, and speaks SPDY to the runtime, as upstream's kubelet
 * does since 1.36.
 *
 * @param target of the runtime's streaming server
 */
export async function translateToSpdy(
  target: URL,
  wanted: WantedStreams,
  request: UpgradeRequest,
  { idleMs }: Pick<TunnelOptions, 'idleMs'>,
): Promise<Outcome> {
  const peer = {
    name: 'the runtime',
    async ask(headers: Readonly<Record<string, string[]>>, signal: AbortSignal) {
      const answer = await askForSpdy(target, headers, { ...request, signal });
      answer.socket.setTimeout(idleMs, () => answer.socket.destroy());
      return answer;
    },
  };
  const accepted = open(request, CLOSING_PROTOCOL);
  if ('refusal' in accepted) return accepted.refusal;
  await serveRemoteCommand(accepted.webSocket, wanted, peer, request.signal);
  return 'taken';
}

/** Serves SPDY inside a WebSocket, whose messages are the pieces of its byte stream. It is accepted once the runtime speaks SPDY. */
export async function tunnelSpdy(target: URL, request: UpgradeRequest, options: TunnelOptions): Promise<Outcome> {
  const offered = tunnelProtocols(request.headers);
  let answer: Awaited<ReturnType<typeof askForSpdy>>;
  try {
    answer = await askForSpdy(target, { 'x-stream-protocol-version': offered.map(tunnelled) }, request);
  } catch (error) {
    return errorAnswer(500, (error as Error).message);
  }
  if (!answer.switched) {
    const refusal = await refusalOf(answer.message);
    answer.socket.destroy();
    return refusal;
  }
  const spoken = answer.message.headers['x-stream-protocol-version'];
  const accepted = open(
    request,
    offered.find((name) => tunnelled(name) === spoken),
  );
  if ('refusal' in accepted) {
    answer.socket.destroy();
    return accepted.refusal;
  }
  const client = createWebSocketStream(accepted.webSocket);
  if (answer.rest.length > 0) client.write(answer.rest);
  await join(client, answer.socket, options);
  return 'taken';
}

function open(
  { method, headers, upgrade }: UpgradeRequest,
  protocol: string | undefined,
): { readonly webSocket: ReturnType<typeof acceptWebSocket> } | { readonly refusal: Answer } {
  const takeOver = () => ({ socket: upgrade.socket, head: upgrade.head });
  try {
    return { webSocket: acceptWebSocket({ method, headers, takeOver }, sendHead, { protocol, closeTimeoutMs: FAREWELL_MS }) };
  } catch (error) {
    if (error instanceof StatusError) return { refusal: errorAnswer(400, error.message) };
    throw error;
  }
}

function sendHead(headers: Readonly<Record<string, string>>, socket: Duplex): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
}
