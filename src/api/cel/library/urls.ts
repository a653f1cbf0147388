/** `url("https://a.example:80/b?c=d").getPort()` (apiserver/pkg/cel/library/urls.go; Go's url.ParseRequestURI). */
import {
  goEscapedPath,
  goHostParts,
  goQueryValues,
  goRequestUriProblem,
  isGoRequestUri,
  parseGoUrl,
  unescaped,
} from '../../../std/go-url.ts';
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

function parse(text: string): Parts | ErrorValue {
  const problem = goRequestUriProblem(text);
  if (problem) return new ErrorValue(`URL parse error during conversion from string: ${problem}`);
  if (text === '*') return { scheme: '', host: '', path: '*', query: '' };
  try {
    // What a request has no fragment and no host of may have one now: the parts are those of any URL.
    const { scheme, host, path, query } = parseGoUrl(text);
    return { scheme, host: unescaped(host), path, query };
  } catch (error) {
    return new ErrorValue(`URL parse error during conversion from string: ${(error as Error).message}`);
  }
}

function queryOf(query: string): PlainMap {
  const values = new Map<string, [Value, Value[]]>();
  for (const [name, value] of goQueryValues(query)) {
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
      return parts instanceof ErrorValue ? parts : new UrlValue(text, parts);
    }),
  ),
  declare('isURL', overload('is_url_string', [STRING], BOOL, isGoRequestUri)),
  accessor('getScheme', 'url_get_scheme', ({ scheme }) => scheme),
  accessor('getHost', 'url_get_host', ({ host }) => host),
  accessor('getHostname', 'url_get_hostname', ({ host }) => goHostParts(host).name),
  accessor('getPort', 'url_get_port', ({ host }) => goHostParts(host).port),
  accessor('getEscapedPath', 'url_get_escaped_path', ({ path }) => goEscapedPath(path)),
  declare(
    'getQuery',
    member('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), ({ parts }: UrlValue) => queryOf(parts.query)),
  ),
];
