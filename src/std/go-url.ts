/** Takes URLs apart by the rules of Go's net/url, which are not those of browsers: what Kubernetes' own programs accept and refuse. */
import { isIPv6 } from 'node:net';
import { goAddressProblem } from './go-address.ts';
import { goQuote } from './go-text.ts';

export interface GoUrl {
  /** In lower case; empty when the URL has none. */
  readonly scheme: string;
  /** `user:password` as it stands there; undefined where there is none. */
  readonly user: string | undefined;
  /** Host and port as they stand there. */
  readonly host: string;
  /** As it stands there; empty where what follows the scheme is no path. */
  readonly path: string;
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
  if (problem) throw new Error(`parse ${goQuote(text)}: ${problem}`);
  return { ...url, fragment: unescaped(fragment) };
}

/** Whether `url.ParseRequestURI` takes it: a URL with a scheme, or a path from the root; a fragment is none to it. */
export const isGoRequestUri = (text: string): boolean => goRequestUriProblem(text) === undefined;

/** Why `url.ParseRequestURI` refuses the text, in Go's words; undefined: it does not. */
export function goRequestUriProblem(text: string): string | undefined {
  if (text === '*') return undefined;
  if (text === '') return `parse ${goQuote(text)}: empty url`;
  try {
    const isPath = text.startsWith('/');
    // A path may begin with two slashes, which name no host here.
    const { scheme } = parseWithoutFragment(isPath ? `/${text.replace(/^\/+/, '')}` : text, text, !isPath);
    return isPath || scheme !== '' ? undefined : `parse ${goQuote(text)}: invalid URI for request`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Host and port apart: Go's `Hostname` and `Port`. */
export function goHostParts(host: string): { readonly name: string; readonly port: string } {
  const [, named = host, port = ''] = /^([\s\S]*):([0-9]*)$/.exec(host) ?? [];
  return { name: named.startsWith('[') && named.endsWith(']') ? named.slice(1, -1) : named, port };
}

/** The path with its escapes, as it came if it is well escaped: Go's `EscapedPath`. */
export function goEscapedPath(path: string): string {
  if (path === '*' || WELL_ESCAPED.test(path)) return path;
  return percentEncoded(Buffer.from(unescapedBytes(path), 'latin1'));
}

/** Names and values of a query, those that are badly escaped left out: Go's `Query`. */
export function goQueryValues(query: string): [name: string, value: string][] {
  const pairs: [string, string][] = [];
  for (const part of query.split('&')) {
    if (part === '' || part.includes(';') || wrongEscape(part)) continue;
    const equals = part.indexOf('=');
    const [name, value] = equals < 0 ? [part, ''] : [part.slice(0, equals), part.slice(equals + 1)];
    pairs.push([unescaped(name.replaceAll('+', ' ')), unescaped(value.replaceAll('+', ' '))]);
  }
  return pairs;
}

/** `shown`: the text that errors name. `asRequest`: without a scheme it is none at all. */
function parseWithoutFragment(text: string, shown = text, asRequest = false): Omit<GoUrl, 'fragment'> {
  const fail = (why: string): never => {
    throw new Error(`parse ${goQuote(shown)}: ${why}`);
  };
  if (CONTROL.test(text)) fail('net/url: invalid control character in URL');
  const colon = /^([a-z][a-z0-9+.-]*)?:/i.exec(text);
  if (colon && colon[1] === undefined) fail('missing protocol scheme');
  const scheme = (colon?.[1] ?? '').toLowerCase();
  const [rest, query] = cutQuery(text.slice(colon?.[0].length ?? 0));
  if (!rest.startsWith('/')) {
    if (scheme) return { scheme, user: undefined, host: '', path: '', query };
    if (asRequest) fail('invalid URI for request');
    if (rest.split('/', 1)[0]!.includes(':')) fail('first path segment in URL cannot contain colon');
  }
  const hasAuthority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'));
  const authority = hasAuthority ? rest.slice(2).split('/', 1)[0]! : '';
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const user = at < 0 ? undefined : authority.slice(0, at);
  const path = hasAuthority ? rest.slice(2 + authority.length) : rest;
  const problem = hostProblem(scheme, host) ?? (user === undefined ? undefined : userProblem(user)) ?? wrongEscape(path);
  if (problem) fail(problem);
  return { scheme, user, host, path, query };
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
export const unescaped = (text: string): string => Buffer.from(unescapedBytes(text), 'latin1').toString();

/** The same as bytes, each in a character. */
const unescapedBytes = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

const WELL_ESCAPED = /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@/[\]]|%[0-9A-Fa-f]{2})*$/;

/** Every byte but those that Go itself leaves in a path. */
const percentEncoded = (bytes: Buffer): string =>
  bytes
    .toString('latin1')
    .replace(/[^A-Za-z0-9\-_.~$&+,/:;=@]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** The first `%` that two hexadecimal digits do not follow. */
function wrongEscape(text: string): string | undefined {
  const found = /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text);
  return found ? `invalid URL escape ${goQuote(found[0])}` : undefined;
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
  const literal = zone === undefined ? address : `${address}%${unescaped(zone)}`;
  const why = goAddressProblem(literal);
  return why ? `invalid host: ${why}` : 'invalid IP-literal';
}

const portProblem = (port: string) =>
  port === '' || /^:[0-9]*$/.test(port) ? undefined : `invalid port ${goQuote(port)} after host`;

/** Only what is no ASCII may stand there with percent signs. */
function nameProblem(name: string): string | undefined {
  const found = NO_HOST.exec(name)?.[0];
  if (found === undefined) return undefined;
  return found.startsWith('%') ? `invalid URL escape ${goQuote(found)}` : `invalid character ${goQuote(found)} in host name`;
}
