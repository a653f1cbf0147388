import { badRequest } from '../../api/machinery/status-error.ts';
import type { ServerRequest } from '../contracts.ts';

/** Whom a request asks to be treated as. */
export interface Impersonation {
  readonly user: string;
  readonly groups: readonly string[];
  readonly uid: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

const EXTRA_PREFIX = 'impersonate-extra-';

/**
 * Reads the Impersonate-* headers; undefined when there are none. Throws 400 when there are some without a user.
 * A header given several times arrives joined by commas unless the request can tell its values apart.
 */
export function readImpersonation(request: Pick<ServerRequest, 'headers' | 'headerValues'>): Impersonation | undefined {
  if (!asksForIt(request.headers)) return undefined;
  const valuesOf = (name: string): readonly string[] =>
    request.headerValues?.(name) ?? (request.headers[name] === undefined ? [] : request.headers[name].split(/\s*,\s*/));
  // Of the user's name and the uid the first counts; a comma may be part of either.
  const firstOf = (name: string) => request.headerValues?.(name)[0] ?? request.headers[name] ?? '';
  const user = firstOf('impersonate-user');
  const groups = valuesOf('impersonate-group');
  const uid = firstOf('impersonate-uid');
  // Not by assignment, which would take `__proto__` for something else.
  const extra: Record<string, readonly string[]> = Object.fromEntries(
    Object.keys(request.headers)
      .filter((name) => name.startsWith(EXTRA_PREFIX))
      .map((name) => [unescapeKey(name.slice(EXTRA_PREFIX.length)), valuesOf(name)]),
  );
  const wanted = { user, groups, uid, extra };
  if (user) return wanted;
  if (groups.length || uid || Object.keys(extra).length)
    throw badRequest(`requested ${asGo(wanted)} without impersonating a user name`);
  return undefined;
}

/** Nearly no request does, and every request is asked. */
function asksForIt(headers: ServerRequest['headers']): boolean {
  for (const name in headers) if (name.startsWith('impersonate-')) return true;
  return false;
}

function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key; // as upstream: what is not percent-encoded stands for itself
  }
}

/** As Go's `%#v` shows it. */
function asGo({ user, uid, groups, extra }: Impersonation): string {
  const list = (values: readonly string[]) => `[]string{${values.map((value) => JSON.stringify(value)).join(', ')}}`;
  const entries = Object.entries(extra).sort(([a], [b]) => (a < b ? -1 : 1));
  const ofExtra = entries.map(([key, values]) => `${JSON.stringify(key)}:${list(values)}`).join(', ');
  const fields = [
    `Name:${JSON.stringify(user)}`,
    `UID:${JSON.stringify(uid)}`,
    `Groups:${groups.length ? list(groups) : '[]string(nil)'}`,
    `Extra:map[string][]string${entries.length ? `{${ofExtra}}` : '(nil)'}`,
  ];
  return `&user.DefaultInfo{${fields.join(', ')}}`;
}
