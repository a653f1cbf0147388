import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import WebSocket from 'ws';
import { badRequest } from '../../../api/machinery/status-error.ts';

/** RFC 6455, 1.3. */
const KEY_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** As upstream's server has it (golang.org/x/net/websocket). */
const LONGEST_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Of one message; each costs memory of its own, however short it is. As ws has them when it accepts by itself. */
const MOST_FRAGMENTS = 16 * 1024;
const MOST_BUFFERED_CHUNKS = 256 * 1024;
/** Answers to pings on their way. Who asks for more without reading any means no good. */
const MOST_UNSENT_PONGS = 1000;

/** How ws's own server hands a connection to a WebSocket, after a handshake of its own that would go past filters and audit. */
interface Adopting {
  setSocket(
    socket: Duplex,
    head: Buffer,
    options: {
      allowSynchronousEvents: boolean;
      maxBufferedChunks: number;
      maxFragments: number;
      maxPayload: number;
      skipUTF8Validation: boolean;
    },
  ): void;
}

/** A request that may wish for a WebSocket. */
export interface WebSocketWish {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Gives the connection away, and what the client has sent behind its request; absent: it cannot change protocols. */
  readonly takeOver?: (() => { readonly socket: Duplex; readonly head: Buffer }) | undefined;
}

/**
 * Answers a client's wish for a WebSocket and returns it, open.
 *
 * @param answer sends the answer 101 with these headers on the connection that was taken over
 * @param protocol the subprotocol chosen of those that the client offers
 * @param closeTimeoutMs how long a client may take to read what is on its way when the WebSocket is closed from this side
 * @throws StatusError 400 for what is no such wish
 */
export function acceptWebSocket(
  request: WebSocketWish,
  answer: (headers: Readonly<Record<string, string>>, socket: Duplex) => void,
  { protocol, closeTimeoutMs }: { readonly protocol: string | undefined; readonly closeTimeoutMs: number },
): WebSocket {
  const { headers, method, takeOver } = request;
  const key = String(headers['sec-websocket-key'] ?? '');
  if (!takeOver || method !== 'GET' || String(headers['upgrade']).toLowerCase() !== 'websocket')
    throw badRequest('Upgrade request required');
  if (headers['sec-websocket-version'] !== '13')
    throw badRequest("websocket: unsupported version: 13 not found in 'Sec-Websocket-Version' header");
  if (!/^[+/0-9A-Za-z]{22}==$/.test(key))
    throw badRequest(
      "websocket: not a websocket handshake: 'Sec-WebSocket-Key' header must be Base64 encoded value of 16-byte in length",
    );
  const { socket, head } = takeOver();
  const accepted = {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-accept': createHash('sha1').update(`${key}${KEY_SUFFIX}`).digest('base64'),
    ...(protocol !== undefined && { 'sec-websocket-protocol': protocol }),
  };
  answer(accepted, socket);
  const options = { autoPong: false, closeTimeout: closeTimeoutMs };
  // Without an address it is the server's side of one; only the types do not know that it takes options then.
  const webSocket = new WebSocket(null as never, undefined, options);
  webSocket.on('error', () => webSocket.terminate()); // what is no WebSocket, or a lost connection
  let unsent = 0;
  webSocket.on('ping', (data) => {
    if (++unsent > MOST_UNSENT_PONGS) return webSocket.terminate();
    webSocket.pong(data, false, () => unsent--);
  });
  const adopting = webSocket as WebSocket & Adopting;
  adopting.setSocket(socket, head, {
    allowSynchronousEvents: true,
    maxBufferedChunks: MOST_BUFFERED_CHUNKS,
    maxFragments: MOST_FRAGMENTS,
    maxPayload: LONGEST_MESSAGE_BYTES,
    skipUTF8Validation: false,
  });
  return webSocket;
}
