/** URLs as Go's `url.Parse` takes them apart: what it refuses, and in which words. */

export interface GoUrl {
  readonly scheme: string;
  readonly host: string;
  /** `user:password`, as it is written; undefined where there is none. */
  readonly user: string | undefined;
  readonly query: string;
  readonly fragment: string;
}

/** The parts of a URL, or what Go says of a text that is none: `parse "…": …`. */
export function parseGoUrl(text: string): GoUrl | { readonly error: string } {
  const [url, fragment] = cut(text, '#');
  const parts = parseReference(url);
  if (typeof parts === 'string') return { error: `parse ${JSON.stringify(url)}: ${parts}` };
  const bad = badEscape(fragment);
  return bad === undefined ? { ...parts, fragment: unescaped(fragment) } : { error: `parse ${JSON.stringify(text)}: ${bad}` };
}

function parseReference(url: string): Omit<GoUrl, 'fragment'> | string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused
  if (/[\x00-\x1f\x7f]/.test(url)) return 'net/url: invalid control character in URL';
  if (url.startsWith(':')) return 'missing protocol scheme';
  const [, given, afterScheme = url] = /^([a-z][a-z0-9+.-]*):([\s\S]*)$/i.exec(url) ?? [];
  const scheme = given?.toLowerCase() ?? '';
  const [rest, query] = cut(afterScheme, '?');
  const none = { scheme, host: '', user: undefined, query };
  if (!rest.startsWith('/')) {
    // With a scheme it is opaque, like a mail address.
    if (scheme) return none;
    if (cut(rest, '/')[0].includes(':')) return 'first path segment in URL cannot contain colon';
    return badEscape(rest) ?? none;
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  if (!hasAuthority) return badEscape(rest) ?? none;
  const slash = rest.indexOf('/', 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const user = at < 0 ? undefined : authority.slice(0, at);
  const bad = badHost(host) ?? (user === undefined ? undefined : badUser(user)) ?? badEscape(slash < 0 ? '' : rest.slice(slash));
  return bad ?? { scheme, host, user, query };
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Of a text whose escapes are whole; bytes that are no UTF-8 become replacement characters. */
const unescaped = (text: string): string =>
  text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());

function badEscape(text: string): string | undefined {
  const bad = /%(?![0-9A-Fa-f]{2})[\s\S]{0,2}/.exec(text)?.[0];
  return bad === undefined ? undefined : `invalid URL escape ${JSON.stringify(bad)}`;
}

const badUser = (user: string): string | undefined =>
  /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user) ? badEscape(user) : 'net/url: invalid userinfo';

function badHost(host: string): string | undefined {
  const bracket = host.lastIndexOf(']');
  if (host.startsWith('[') && bracket < 0) return "missing ']' in host";
  const colon = host.lastIndexOf(':');
  const end = host.startsWith('[') ? bracket + 1 : colon < 0 ? host.length : colon;
  const port = host.slice(end);
  if (port && !/^:\d*$/.test(port)) return `invalid port ${JSON.stringify(port)} after host`;
  // Escapes are for what is beyond ASCII.
  const bad = /%(?![0-9A-Fa-f]{2})[\s\S]{0,2}|%(?!25)[0-7][0-9A-Fa-f]|[ \\^`{|}]/.exec(host)?.[0];
  if (bad === undefined) return undefined;
  return bad.startsWith('%')
    ? `invalid URL escape ${JSON.stringify(bad)}`
    : `invalid character ${JSON.stringify(bad)} in host name`;
}
