/** One etcd member as it is named on a command line. */
export interface ServerUrl {
  /** `https://10.0.0.1:2379` */
  readonly url: string;
  /** `10.0.0.1:2379` */
  readonly target: string;
  /** Whether it is spoken to by TLS. */
  readonly secure: boolean;
}

/**
 * Reads `https://10.0.0.1:2379`; without a port, 2379.
 *
 * @throws RangeError for what is no such URL
 */
export function parseServerUrl(text: string): ServerUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const wrong =
    !url ||
    (url.protocol !== 'https:' && url.protocol !== 'http:') ||
    url.hostname === '' ||
    (url.pathname !== '/' && url.pathname !== '') ||
    url.search !== '' ||
    url.username !== '';
  if (wrong) throw new RangeError(`${JSON.stringify(text)} is no URL of an etcd member: use https://HOST:2379`);
  const secure = url.protocol === 'https:';
  // The default ports of HTTP are dropped by URL, and are not etcd's.
  const port = url.port || (/:(80|443)\/?$/.exec(text)?.[1] ?? '2379');
  return { url: `${url.protocol}//${url.hostname}:${port}`, target: `${url.hostname}:${port}`, secure };
}

/** Reads a list with commas between; @throws RangeError */
export function parseServerUrls(text: string): ServerUrl[] {
  const servers = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseServerUrl);
  if (servers.length === 0) throw new RangeError('no etcd server is named: use https://HOST:2379,…');
  return servers;
}
