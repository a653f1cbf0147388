/** Where a request is passed on to on a backend, and how its links lead back here. */
export interface ProxyLocation {
  /** Decoded, `/` first; empty when the caller's path ended with `proxy`. */
  readonly path: string;
  /** What stands before the backend's paths in ours: `/api/v1/namespaces/n/pods/p/proxy`. */
  readonly prefix: string;
  /** With the question mark; empty without one. */
  readonly query: string;
}

/**
 * The part of a request's path behind `…/{name}/proxy`, as the backend is to see it (endpoints/handlers/rest.go, getRequestOptions).
 *
 * @param path decoded
 * @param uri as sent, for its query
 */
export function proxyLocation(path: string, uri: string | undefined, query: URLSearchParams): ProxyLocation {
  // api, v1, [namespaces, ns,] resource, name, proxy
  const depth = path.startsWith('/api/v1/namespaces/') ? 7 : 5;
  let at = 0;
  for (let i = 0; i < depth && at >= 0; i++) at = path.indexOf('/', at + 1);
  const behind = at < 0 ? '' : path.slice(at);
  const sent = uri?.indexOf('?') ?? -1;
  return {
    path: behind,
    prefix: at < 0 ? path : path.slice(0, at),
    query: uri === undefined ? (query.size ? `?${query}` : '') : sent < 0 ? '' : uri.slice(sent),
  };
}

/** A path as Go's URL writes it: what may stand in a segment stays as it is. */
export function encodePath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-._~$&+,/:;=@!'()*]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/**
 * A link of the backend, as clients of this server can follow it: links to the backend's own root lead below the prefix; relative ones
 * and those to other hosts stay (apimachinery/pkg/util/proxy/transport.go, rewriteURL).
 *
 * @param hosts names by which the backend is known: its own, and the one in the client's request
 */
export function rewriteLink(link: string, prefix: string, hosts: readonly string[]): string {
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/su.exec(link.trim());
  if (!match) return link;
  const [, scheme, host, path = '', query = '', fragment = ''] = match;
  if (scheme !== undefined && host === undefined) return link; // mailto:, data:, javascript:
  if (host !== undefined && !hosts.includes(host)) return link;
  if (!path.startsWith('/')) return link;
  if (host === undefined && isBelow(path, prefix)) return link;
  const rewritten = isBelow(path, prefix) ? path : `${prefix}${path}`;
  return `${rewritten}${query}${fragment}`;
}

const isBelow = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
