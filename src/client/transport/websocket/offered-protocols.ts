import type { IncomingHttpHeaders } from 'node:http';

/** Of remote commands: its WebSockets can close one stream and leave the others open. */
export const CLOSING_PROTOCOL = 'v5.channel.k8s.io';
const TUNNEL_PREFIX = 'SPDY/3.1+';
const TUNNEL_SUFFIX = '.k8s.io';

/** The subprotocols that a client offers, in its order. */
export const offeredProtocols = (headers: IncomingHttpHeaders): string[] =>
  (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((protocol) => protocol.trim())
    .filter(Boolean);

/** Those of them that hold SPDY inside the WebSocket: `SPDY/3.1+portforward.k8s.io`. */
export const tunnelProtocols = (headers: IncomingHttpHeaders): string[] =>
  offeredProtocols(headers).filter((name) => name.startsWith(TUNNEL_PREFIX) && name.endsWith(TUNNEL_SUFFIX));

/** `portforward.k8s.io` of such a name. */
export const tunnelled = (protocol: string): string => protocol.slice(TUNNEL_PREFIX.length);
