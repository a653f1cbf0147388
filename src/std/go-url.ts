/** Takes URLs apart by the rules of Go's net/url, which are not those of browsers: what Kubernetes' own programs accept and refuse. */
import { isIPv6 } from 'node:net';

export interface GoUrl {
  /** In lower case; empty when the URL has none. */
  readonly scheme: string;
  /** `user:password` as it stands there; undefined where there is none. */
  readonly user: string | undefined;
  /** Host and port as they stand there. */
  readonly host: string;
  /** Without its question mark. */
  readonly query: string;
  /** Without its escapes. */
  readonly fragment: string;
}

/**
 * Reads a URL as `url.Parse` does (https://pkg.go.dev/net/url#Parse).
 *
 * @throws Error in Go's words: `parse "https://x:y": invalid port ":y" after host`
 */
export function parseGoUrl(text: string): GoUrl {
  const hash = text.indexOf('#');
  const url = parseWithoutFragment(hash < 0 ? text : text.slice(0, hash));
  const fragment = hash < 0 ? '' : text.slice(hash + 1);
  const problem = wrongEscape(fragment);
  if (problem) throw new Error(`parse ${JSON.stringify(text)}: ${problem}`);
  return { ...url, fragment: unescaped(fragment) };
}

/** Whether `url.ParseRequestURI` takes it: a URL with a scheme, or a path from the root; a fragment is none to it. */
export function isGoRequestUri(text: string): boolean {
  if (text === '*') return true;
  try {
    const isPath = text.startsWith('/');
    // A path may begin with two slashes, which name no host here.
    const { scheme } = parseWithoutFragment(isPath ? `/${text.replace(/^\/+/, '')}` : text);
    return isPath || scheme !== '';
  } catch {
    return false;
  }
}

function parseWithoutFragment(text: string): Omit<GoUrl, 'fragment'> {
  const fail = (why: string): never => {
    throw new Error(`parse ${JSON.stringify(text)}: ${why}`);
  };
  if (CONTROL.test(text)) fail('net/url: invalid control character in URL');
  const colon = /^([a-z][a-z0-9+.-]*)?:/i.exec(text);
  if (colon && colon[1] === undefined) fail('missing protocol scheme');
  const scheme = (colon?.[1] ?? '').toLowerCase();
  const [rest, query] = cutQuery(text.slice(colon?.[0].length ?? 0));
  if (!rest.startsWith('/')) {
    if (scheme) return { scheme, user: undefined, host: '', query };
    if (rest.split('/', 1)[0]!.includes(':')) fail('first path segment in URL cannot contain colon');
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  const authority = hasAuthority ? rest.slice(2).split('/', 1)[0]! : '';
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const user = at < 0 ? undefined : authority.slice(0, at);
  const problem =
    hostProblem(scheme, host) ??
    (user === undefined ? undefined : userProblem(user)) ??
    wrongEscape(hasAuthority ? rest.slice(2 + authority.length) : rest);
  if (problem) fail(problem);
  return { scheme, user, host, query };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
/** What no host has: a percent sign without its digits, or before those of an ASCII character; some characters. */
const NO_HOST = /%(?![0-9A-Fa-f]{2}).{0,2}|%(?!25)[0-7][0-9A-Fa-f]|[\x20#/?@\\^`{|}]/s;

function cutQuery(text: string): [string, string] {
  const mark = text.indexOf('?');
  return mark < 0 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}

/** Of a text whose escapes are whole; bytes that are no UTF-8 become replacement characters. */
const unescaped = (text: string): string =>
  text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());

/** The first `%` that two hexadecimal digits do not follow. */
function wrongEscape(text: string): string | undefined {
  const found = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text);
  return found ? `invalid URL escape ${JSON.stringify(found[0])}` : undefined;
}

function userProblem(user: string): string | undefined {
  return USER.test(user) ? wrongEscape(user) : 'net/url: invalid userinfo';
}

function hostProblem(scheme: string, host: string): string | undefined {
  const open = host.lastIndexOf('[');
  if (open > 0) return 'invalid IP-literal';
  if (open < 0) {
    const web = scheme === 'http' || scheme === 'https';
    const colon = web ? host.indexOf(':') : host.lastIndexOf(':');
    return (colon < 0 ? undefined : portProblem(host.slice(colon))) ?? nameProblem(host);
  }
  const close = host.lastIndexOf(']');
  if (close < 0) return "missing ']' in host";
  const [address = '', zone] = host.slice(1, close).split('%25', 2);
  const problem = portProblem(host.slice(close + 1)) ?? nameProblem(address) ?? wrongEscape(zone ?? '');
  if (problem || (isIPv6(address) && zone !== '')) return problem;
  const literal = zone === undefined ? address : `${address}%${zone}`;
  return `invalid host: ParseAddr(${JSON.stringify(literal)}): unable to parse IP`;
}

const portProblem = (port: string) =>
  port === '' || /^:[0-9]*$/.test(port) ? undefined : `invalid port ${JSON.stringify(port)} after host`;

/** Only what is no ASCII may stand there with percent signs. */
function nameProblem(name: string): string | undefined {
  const found = NO_HOST.exec(name)?.[0];
  if (found === undefined) return undefined;
  return found.startsWith('%')
    ? `invalid URL escape ${JSON.stringify(found)}`
    : `invalid character ${JSON.stringify(found)} in host name`;
}
