import type { IncomingHttpHeaders } from 'node:http';
import { CLOSING_PROTOCOL, offeredProtocols, tunnelProtocols } from '../../client/transport/websocket/offered-protocols.ts';

/** Which streams of a process an exec or attach wants. */
export interface StreamChoice {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Upstream's words for a query that is not legal (cri-streaming, remotecommand and portforward). */
export class StreamQueryError extends Error {
  override readonly name = 'StreamQueryError';
}

/** `input`, `output`, `error` and `tty` of a query. @throws StreamQueryError */
export function parseStreamChoice(query: URLSearchParams): StreamChoice {
  const isSet = (name: string) => query.get(name) === '1';
  const tty = isSet('tty');
  const choice = { stdin: isSet('input'), stdout: isSet('output'), stderr: isSet('error') && !tty, tty };
  if (!choice.stdin && !choice.stdout && !choice.stderr)
    throw new StreamQueryError('you must specify at least 1 of stdin, stdout, stderr');
  return choice;
}

/** The ports that a WebSocket names in its query; SPDY, in a WebSocket too, names them later, stream by stream. @throws StreamQueryError */
export function parseForwardedPorts(query: URLSearchParams, headers: IncomingHttpHeaders): number[] {
  if (!isWebSocket(headers) || wantsTunnel(headers)) return [];
  const texts = query.getAll('port');
  if (texts.length === 0) throw new StreamQueryError('query parameter "port" is required');
  return texts.flatMap((text) => {
    if (text === '') throw new StreamQueryError('query parameter "port" cannot be empty');
    return text.split(',').map((part) => {
      const port = /^\d{1,9}$/.test(part) ? Number(part) : Number.NaN;
      if (!(port <= 65535)) throw new StreamQueryError(`unable to parse ${JSON.stringify(text)} as a port`);
      if (port < 1) throw new StreamQueryError(`port ${JSON.stringify(text)} must be > 0`);
      return port;
    });
  });
}

export function isWebSocket({ upgrade }: IncomingHttpHeaders): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

/** A client that can close one stream of a command and leave the others open. */
export const wantsClosingStreams = (headers: IncomingHttpHeaders): boolean =>
  isWebSocket(headers) && offeredProtocols(headers).includes(CLOSING_PROTOCOL);

/** A client that speaks SPDY inside its WebSocket. */
export const wantsTunnel = (headers: IncomingHttpHeaders): boolean => isWebSocket(headers) && tunnelProtocols(headers).length > 0;
