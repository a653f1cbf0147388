import { badRequest } from '../../api/machinery/status-error.ts';
import { forbiddenTo } from '../authorization/forbidden.ts';
import type { AuthorizationAttributes, Authorizer, Filter, ServerRequest, UserInfo } from '../contracts.ts';
import { ANONYMOUS, AUTHENTICATED, parseServiceAccountUserName, serviceAccountGroups, UNAUTHENTICATED } from './identities.ts';

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
  const user = request.headers['impersonate-user'] ?? '';
  const groups = valuesOf('impersonate-group').filter(Boolean);
  const uid = request.headers['impersonate-uid'] ?? '';
  // Not by assignment, which would take `__proto__` for something else.
  const extra: Record<string, readonly string[]> = Object.fromEntries(
    Object.keys(request.headers)
      .filter((name) => name.startsWith(EXTRA_PREFIX))
      .map((name) => [unescapeKey(name.slice(EXTRA_PREFIX.length)), valuesOf(name)]),
  );
  if (user) return { user, groups, uid, extra };
  if (groups.length || uid || Object.keys(extra).length) {
    throw badRequest('requested groups, uid or extra to impersonate without impersonating a user');
  }
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

/**
 * Lets a user act as another when each of the name, groups, uid and extra is allowed with the verb `impersonate`
 * (apiserver/pkg/endpoints/filters/impersonation).
 */
export function createImpersonationFilter(authorizer: Authorizer): Filter {
  return (next) => async (context, response) => {
    const wanted = readImpersonation(context.request);
    if (wanted) {
      for (const attributes of impersonationChecks(context.user, wanted)) {
        const { decision, reason } = await authorizer.authorize(attributes);
        if (decision !== 'allow') throw forbiddenTo(attributes, reason);
      }
      context.user = impersonatedUser(wanted);
      context.audit?.impersonated?.(context.user);
    }
    await next(context, response);
  };
}

/** What must be allowed for an impersonation. */
export function impersonationChecks(user: UserInfo, wanted: Impersonation): AuthorizationAttributes[] {
  const check = (what: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
    user,
    verb: 'impersonate',
    isResourceRequest: true,
    path: '',
    group: '',
    version: 'v1',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    ...what,
  });
  const authentication = { group: 'authentication.k8s.io' };
  const account = parseServiceAccountUserName(wanted.user);
  return [
    account
      ? check({ resource: 'serviceaccounts', namespace: account.namespace, name: account.name })
      : check({ resource: 'users', name: wanted.user }),
    ...wanted.groups.map((name) => check({ resource: 'groups', name })),
    ...Object.entries(wanted.extra).flatMap(([key, values]) =>
      values.map((name) => check({ ...authentication, resource: 'userextras', subresource: key, name })),
    ),
    ...(wanted.uid ? [check({ ...authentication, resource: 'uids', name: wanted.uid })] : []),
  ];
}

/** The user that a permitted impersonation makes. */
export function impersonatedUser({ user, groups, uid, extra }: Impersonation): UserInfo {
  const account = parseServiceAccountUserName(user);
  const known = groups.length || !account ? [...groups] : serviceAccountGroups(account.namespace);
  if (user === ANONYMOUS) {
    if (!known.includes(UNAUTHENTICATED)) known.push(UNAUTHENTICATED);
  } else if (!known.includes(AUTHENTICATED) && !known.includes(UNAUTHENTICATED)) known.push(AUTHENTICATED);
  return { name: user, groups: known, ...(uid && { uid }), ...(Object.keys(extra).length && { extra }) };
}
