/** `url("https://a.example:80/b?c=d").getPort()` (apiserver/pkg/cel/library/urls.go; Go's url.ParseRequestURI). */
import { goQuote } from '../../../std/go-text.ts';
import { isGoRequestUri } from '../../../std/go-url.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, listOf, mapOf, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, PlainList, PlainMap, type Value } from '../values.ts';

export const URL_TYPE = opaque('kubernetes.URL');

interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

class UrlValue extends OpaqueValue {
  readonly type = URL_TYPE;
  readonly text: string;
  readonly parts: Parts;
  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }
  equals(other: UrlValue): boolean {
    return this.text === other.text;
  }
}

const SHAPE = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?([\s\S]*))?$/;
const HOST = /^(?:\[[0-9A-Fa-f:.%A-Za-z0-9]+\]|[^\s<>"{}|\\^`[\]:]*)(?::\d*)?$/;

function parse(text: string): Parts | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is refused
  if (text === '' || /[\x00-\x1f\x7f]/.test(text)) return undefined;
  const [, scheme = '', authority, path = '', query = ''] = SHAPE.exec(text) ?? [];
  if (!scheme && !text.startsWith('/')) return undefined;
  if (scheme && authority === undefined && !path.startsWith('/'))
    return isGoRequestUri(text) ? { scheme: scheme.toLowerCase(), host: '', path: '', query } : undefined;
  const rooted = path.startsWith('/') || (authority !== undefined && path === '');
  if (!rooted || /%(?![0-9A-Fa-f]{2})/.test(path + (authority ?? ''))) return undefined;
  const host = scheme ? (authority ?? '').replace(/^.*@/, '') : '';
  if (!HOST.test(host)) return undefined;
  return { scheme: scheme.toLowerCase(), host, path: scheme || authority === undefined ? path : `//${authority}${path}`, query };
}

function escapedPath(path: string): string {
  return path.replace(/[^A-Za-z0-9\-_.~!$&'()*+,;=:@/%[\]]+/g, (part) => encodeURIComponent(part.toWellFormed()));
}

function queryOf(query: string): PlainMap {
  const values = new Map<string, [Value, Value[]]>();
  for (const [name, value] of new URLSearchParams(query)) {
    const known = values.get(`s${name}`);
    if (known) known[1].push(value);
    else values.set(`s${name}`, [name, [value]]);
  }
  return new PlainMap(new Map([...values].map(([hash, [name, list]]) => [hash, [name, new PlainList(list)] as const])));
}

const accessor = (name: string, id: string, read: (parts: Parts) => string) =>
  declare(
    name,
    member(id, [URL_TYPE], STRING, ({ parts }: UrlValue) => read(parts)),
  );

export const urlFunctions: readonly FunctionDeclaration[] = [
  declare(
    'url',
    overload('string_to_url', [STRING], URL_TYPE, (text: string) => {
      const parts = parse(text);
      return parts
        ? new UrlValue(text, parts)
        : new ErrorValue(
            `URL parse error during conversion from string: parse ${goQuote(text)}: ${text === '' ? 'empty url' : 'invalid URI for request'}`,
          );
    }),
  ),
  declare(
    'isURL',
    overload('is_url_string', [STRING], BOOL, (text: string) => parse(text) !== undefined),
  ),
  accessor('getScheme', 'url_get_scheme', ({ scheme }) => scheme),
  accessor('getHost', 'url_get_host', ({ host }) => host),
  accessor('getHostname', 'url_get_hostname', ({ host }) => host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')),
  accessor('getPort', 'url_get_port', ({ host }) => /:(\d*)$/.exec(host)?.[1] ?? ''),
  accessor('getEscapedPath', 'url_get_escaped_path', ({ path }) => escapedPath(path)),
  declare(
    'getQuery',
    member('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), ({ parts }: UrlValue) => queryOf(parts.query)),
  ),
];
