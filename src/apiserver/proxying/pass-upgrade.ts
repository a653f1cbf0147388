import { badRequest, type StatusError, unnamedFailure } from '../../api/machinery/status-error.ts';
import type { RequestContext, ServerRequest, ServerResponse } from '../contracts.ts';
import { askUpgrade, type UpgradeAnswer, type UpgradeQuestion } from './ask-upgrade.ts';
import { type Backend, hostAndPort } from './backend.ts';
import { connectBackend } from './connect-backend.ts';
import { describeDialFailure } from './dial-failure.ts';
import { passedAnswerHeaders, passedRequestHeaders } from './passed-headers.ts';
import { pourBody } from './proxy-request.ts';
import { tunnel } from './tunnel.ts';

export interface UpgradeTarget {
  readonly backend: Backend;
  /** Encoded, with query. */
  readonly path: string;
}

export interface OpenedUpgrade extends UpgradeAnswer {
  readonly socket: Awaited<ReturnType<typeof connectBackend>>;
}

export const upgradeRequired = (): StatusError => badRequest('Upgrade request required');

/**
 * Asks a backend to change protocols, on a connection of its own, which is destroyed when `signal` is aborted. Rejects with an Error in
 * upstream's words (`error dialing backend: …`).
 */
export async function openUpgrade(
  { backend, path }: UpgradeTarget,
  question: Omit<UpgradeQuestion, 'path' | 'host'>,
  signal: AbortSignal,
): Promise<OpenedUpgrade> {
  const socket = await connectBackend(backend).catch((error: unknown) => {
    throw new Error(`error dialing backend: ${describeDialFailure(error, backend)}`, { cause: error });
  });
  socket.on('error', () => socket.destroy());
  const cut = () => socket.destroy();
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', cut));
  try {
    return { ...(await askUpgrade(socket, { ...question, path, host: hostAndPort(backend) })), socket };
  } catch (error) {
    socket.destroy();
    throw new Error(`error dialing backend: ${describeDialFailure(error, backend)}`, { cause: error });
  }
}

/**
 * Passes a request that wants another protocol (SPDY, WebSocket) on as it is, and then every byte both ways until one side ends.
 *
 * Nothing of what the client sends behind its request goes on before the backend has changed protocols: on a connection that still
 * speaks HTTP it would be taken for requests of this server, in anybody's name (CVE-2018-1002105).
 *
 * @throws StatusError 500 when the backend cannot be reached, or answers something else than a change of protocols or a failure
 */
export async function passUpgrade(target: UpgradeTarget, { request }: RequestContext, response: ServerResponse): Promise<void> {
  const { socket: client, head } = request.takeOver!();
  const asked = { method: request.method, upgrade: request.headers['upgrade'] ?? '', headers: passedRequestHeaders(request) };
  const answer = await openUpgrade(target, asked, request.signal).catch((error: Error) => {
    throw unnamedFailure(error.message);
  });
  try {
    if (!answer.switched) return await passRefusal(answer, response);
    response.writeHead(101, passedAnswerHeaders(answer.message.headersDistinct, { switched: true }));
    if (answer.rest.length) response.write(answer.rest);
    if (head.length) answer.socket.write(head);
    await tunnel(client, answer.socket, { signal: request.signal });
  } finally {
    answer.socket.destroy();
  }
}

/** Sends a backend's refusal to change protocols to the client. Throws a StatusError for an answer that is no refusal. */
export async function passRefusal({ status, message }: UpgradeAnswer, response: ServerResponse): Promise<void> {
  if (status < 400) throw unnamedFailure(`invalid upgrade response: status code ${status}`);
  response.writeHead(status, passedAnswerHeaders(message.headersDistinct));
  await pourBody(message, response);
}

/** Whether a WebSocket's client offers a subprotocol of which `test` says so. */
export function offersProtocol({ headers, takeOver }: ServerRequest, test: (protocol: string) => boolean): boolean {
  return takeOver !== undefined && headers['upgrade']?.toLowerCase() === 'websocket' && websocketProtocols(headers).some(test);
}

/** The subprotocols that a WebSocket's client offers, in its order. */
export const websocketProtocols = (headers: ServerRequest['headers']): string[] =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter(Boolean);
