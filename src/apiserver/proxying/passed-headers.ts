import type { ServerRequest } from '../contracts.ts';

/** Belong to one connection (RFC 9110, 7.6.1). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** The caller's credentials for this server, and what is said anew. */
const OWN: ReadonlySet<string> = new Set(['authorization', 'expect', 'host']);
/** Who somebody is, is not for callers to say. */
const OWN_PREFIXES = [':', 'x-remote-', 'impersonate-'];
/** A WebSocket's subprotocol may be a bearer token. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export type PassedHeaders = Record<string, readonly string[]>;

/** A request's headers for a backend: each value by itself, none that is this connection's or this server's own. */
export function passedRequestHeaders(request: ServerRequest): PassedHeaders {
  const { headers } = request;
  const named = namesIn(headers['connection']);
  const passed: PassedHeaders = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || OF_CONNECTION.has(name) || OWN.has(name) || named.has(name)) continue;
    if (OWN_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    if (name === 'sec-websocket-protocol') {
      const protocols = value.split(',').filter((protocol) => !protocol.trim().startsWith(BEARER_PROTOCOL));
      if (protocols.length) passed[name] = [protocols.join(',').trim()];
    } else passed[name] = request.headerValues?.(name) ?? [value];
  }
  passed['x-forwarded-for'] = [forwardedFor(request)];
  return passed;
}

/** Where a request says that it came from, and last where it did come from. */
export const forwardedFor = ({ headers, remoteAddress }: Pick<ServerRequest, 'headers' | 'remoteAddress'>): string =>
  [headers['x-forwarded-for'], remoteAddress].filter(Boolean).join(', ');

/** An answer's headers for the client. `switched`: the connection speaks another protocol from here on, and must say which. */
export function passedAnswerHeaders(
  headers: NodeJS.Dict<string[]>,
  { switched = false }: { readonly switched?: boolean } = {},
): Record<string, readonly string[]> {
  const passed: Record<string, readonly string[]> = {};
  const named = namesIn(headers['connection']?.join(','));
  for (const [name, values = []] of Object.entries(headers)) {
    // A length that does not count, since the body comes in chunks, would let a backend write the answer to our client's next request.
    if (name === 'content-length' && headers['transfer-encoding']) continue;
    if (name === 'audit-id' || (!switched && (OF_CONNECTION.has(name) || named.has(name)))) continue;
    passed[name] = values;
  }
  return passed;
}

/** Headers that a `Connection` header declares to be of this connection alone. */
const namesIn = (connection = ''): ReadonlySet<string> => new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
