import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import type { RequestInfo } from '../contracts.ts';

/** What follows `namespaces/{name}/` and still speaks of the namespace itself. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** A map, since HTTP/2 takes any word for a method. */
const VERB_OF_METHOD: ReadonlyMap<string, string> = new Map([
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
]);

/** The part of a request that its meaning is read from. */
export interface RequestLine {
  readonly method: string;
  /** Decoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Says what a request is about, from method, path and query alone, by the rules of apiserver/pkg/endpoints/request/requestinfo.go:
 * `/api/{version}/…`, `/apis/{group}/{version}/…`, optionally `namespaces/{namespace}/`, then resource, name and subresource; the
 * old `watch/` prefix; `?watch=` and `metadata.name` field selectors turn a collection GET into a watch, or give it a name.
 *
 * @throws StatusError 400 when a `watch/` path names nothing
 */
export function parseRequestInfo({ method, path, query }: RequestLine): RequestInfo {
  const parts = splitPath(path);
  const groupless = parts[0] === 'api';
  const at = groupless ? 1 : 2;
  if ((!groupless && parts[0] !== 'apis') || parts.length < at + 2) return nonResource(method, path);

  const group = groupless ? '' : parts[1]!;
  const version = parts[at]!;
  let rest = parts.slice(at + 1);
  let verb = VERB_OF_METHOD.get(method) ?? '';
  const special = rest[0] === 'watch' || rest[0] === 'proxy';
  if (special) {
    if (rest.length < 2) throw badRequest('unable to determine kind and namespace from url');
    verb = rest[0]!;
    rest = rest.slice(1);
  }

  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1]!;
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2]!)) rest = rest.slice(2);
  }
  const resource = rest[0] ?? '';
  let name = rest[1] ?? '';
  const subresource = special ? '' : (rest[2] ?? '');

  if (name === '' && verb === 'get') {
    verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  }
  if (name === '' && (verb === 'list' || verb === 'watch')) name = nameSelected(query.get('fieldSelector'));
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  return { isResourceRequest: true, verb, path, group, version, namespace, resource, subresource, name };
}

function splitPath(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path.charCodeAt(start) === 47) start++;
  while (end > start && path.charCodeAt(end - 1) === 47) end--;
  return start === end ? [] : path.slice(start, end).split('/');
}

function nonResource(method: string, path: string): RequestInfo {
  const verb = method.toLowerCase();
  return { isResourceRequest: false, verb, path, group: '', version: '', namespace: '', resource: '', subresource: '', name: '' };
}

/** As conversion of query parameters to bool upstream: present, and neither `false`, in whatever case, nor `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value.toLowerCase() !== 'false' && value !== '0';
}

/** A collection request restricted to one name is authorized for that name. */
function nameSelected(fieldSelector: string | null): string {
  if (!fieldSelector?.includes('metadata.name')) return '';
  try {
    const name = parseFieldSelector(fieldSelector).exact('metadata.name') ?? '';
    return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
  } catch {
    return ''; // the verb refuses it
  }
}
