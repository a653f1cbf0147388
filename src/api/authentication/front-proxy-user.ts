/** How front proxies say on whose behalf they ask: `--requestheader-*` of every server that believes them. */

/** The headers, and who may send them. */
export interface FrontProxyConfig {
  /** Authorities of the proxies' client certificates. */
  readonly caPem: string;
  /** Common names of proxies; empty: every certificate of the authority. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
}

/** Whom the headers name. */
export interface ProxiedUser {
  readonly name: string;
  readonly uid?: string;
  readonly groups: string[];
  readonly extra?: Record<string, string[]>;
}

/** A request's headers as they came: names in lower case, a value for each line. */
export interface ReceivedHeaders {
  readonly names: Iterable<string>;
  valuesOf(name: string): readonly string[];
}

type HeaderNames = Pick<FrontProxyConfig, 'usernameHeaders' | 'groupHeaders' | 'uidHeaders' | 'extraHeaderPrefixes'>;

/** Whom a request's headers name; undefined when they name nobody (apiserver/pkg/authentication/request/headerrequest). */
export function createProxiedUserReader(config: HeaderNames): (headers: ReceivedHeaders) => ProxiedUser | undefined {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  const [usernameHeaders, groupHeaders, uidHeaders] = [config.usernameHeaders, config.groupHeaders, config.uidHeaders].map(lower);
  const prefixes = lower(config.extraHeaderPrefixes);
  return (headers) => {
    const name = firstValue(headers, usernameHeaders!);
    if (!name) return undefined;
    const uid = firstValue(headers, uidHeaders!);
    const extra = readExtra(headers, prefixes);
    return {
      name,
      groups: groupHeaders!.flatMap((header) => valuesOf(headers, header)),
      ...(uid && { uid }),
      ...(Object.keys(extra).length && { extra }),
    };
  };
}

const decode = (text: string) => Buffer.from(text, 'latin1').toString('utf8');
const valuesOf = (headers: ReceivedHeaders, name: string) => headers.valuesOf(name).filter(Boolean).map(decode);

function firstValue(headers: ReceivedHeaders, names: readonly string[]): string {
  for (const name of names) {
    const [value] = valuesOf(headers, name);
    if (value) return value;
  }
  return '';
}

function readExtra(headers: ReceivedHeaders, prefixes: readonly string[]): Record<string, string[]> {
  const extra = new Map<string, string[]>();
  for (const prefix of prefixes)
    for (const header of headers.names) {
      if (!header.startsWith(prefix)) continue;
      const key = unescapeKey(header.slice(prefix.length));
      extra.set(key, [...(extra.get(key) ?? []), ...valuesOf(headers, header)]);
    }
  return Object.fromEntries(extra); // not by assignment, which would take `__proto__` for something else
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key; // as upstream: what is not percent-encoded stands for itself
  }
}
