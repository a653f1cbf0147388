import type { UserInfo } from '../contracts.ts';

/** Headers by which a front proxy says for whom it asks, as extension servers expect them. */
const USER = 'x-remote-user';
const UID = 'x-remote-uid';
const GROUP = 'x-remote-group';
const EXTRA_PREFIX = 'x-remote-extra-';

/** Belong to one connection, or are the caller's credentials for this server: never sent on. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const NOT_PASSED_PREFIXES = [':', 'x-remote-', 'impersonate-'];

/** A WebSocket's subprotocol may be a bearer token. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

export interface ProxiedHeaders {
  readonly headers: Record<string, string>;
  /** Those that are sent several times. */
  readonly repeatedHeaders: Record<string, readonly string[]>;
}

/**
 * What an extension server is sent: the caller's headers without credentials and without any word of who he is, and then who this
 * server has found him to be.
 */
export function proxiedHeaders(
  received: Readonly<Record<string, string | undefined>>,
  user: UserInfo,
  isFrontProxyHeader: (name: string) => boolean,
): ProxiedHeaders {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(received)) {
    if (value === undefined || NOT_PASSED.has(name) || isFrontProxyHeader(name)) continue;
    if (NOT_PASSED_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    if (name === 'sec-websocket-protocol') {
      const protocols = value.split(',').filter((protocol) => !protocol.trim().startsWith(BEARER_PROTOCOL));
      if (protocols.length) headers[name] = protocols.join(',').trim();
      continue;
    }
    headers[name] = value;
  }
  return { headers, repeatedHeaders: identityHeaders(user) };
}

/** Names, groups and the like hold any characters; a header holds bytes. */
const asHeader = (text: string) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\r\n\0]/g, ' ');

export function identityHeaders({ name, uid, groups, extra }: UserInfo): Record<string, readonly string[]> {
  return {
    [USER]: [asHeader(name)],
    ...(uid && { [UID]: [asHeader(uid)] }),
    ...(groups.length && { [GROUP]: groups.map(asHeader) }),
    ...Object.fromEntries(
      Object.entries(extra ?? {}).map(([key, values]) => [
        `${EXTRA_PREFIX}${encodeURIComponent(key.toLowerCase()).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
        values.map(asHeader),
      ]),
    ),
  };
}
