import type { ResourceKind } from '../api/machinery/kind.ts';

export interface PathParts {
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** `/api/v1/namespaces/default/pods/web?watch=true`. Query parameters that are undefined or empty are left out. */
export function resourcePath(kind: ResourceKind, parts: PathParts): string {
  let path = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  if (kind.namespaced && parts.namespace) path += `/namespaces/${encodeURIComponent(parts.namespace)}`;
  path += `/${kind.resource}`;
  if (parts.name !== undefined) path += `/${encodeURIComponent(parts.name)}`;
  if (parts.subresource) path += `/${parts.subresource.split('/').map(encodeURIComponent).join('/')}`;
  const query: string[] = [];
  for (const [name, value] of Object.entries(parts.query ?? {})) {
    if (value !== undefined && value !== '') query.push(`${name}=${encodeURIComponent(value)}`);
  }
  return query.length ? `${path}?${query.join('&')}` : path;
}
