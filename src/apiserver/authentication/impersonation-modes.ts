/**
 * The ways in which a user may act as another (apiserver/pkg/endpoints/filters/impersonation/mode.go, KEP 5284). Constrained ones ask two
 * things: whether this request may be made in this way (`impersonate-on:<mode>:<verb>`), and whether this user may be taken over
 * (`impersonate:<mode>`). The old way asks only for `impersonate`, and is good for every request.
 */
import { checkDomainPrefixedPath } from '../../api/machinery/domain-names.ts';
import { checkDnsSubdomain } from '../../api/machinery/names.ts';
import { forbiddenTo } from '../authorization/forbidden.ts';
import { listFieldErrors } from '../configuration-files/problem-list.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../contracts.ts';
import {
  ANONYMOUS,
  AUTHENTICATED,
  MASTERS,
  NODES_GROUP,
  parseServiceAccountUserName,
  serviceAccountGroups,
  UNAUTHENTICATED,
} from './identities.ts';
import type { Impersonation } from './impersonation-request.ts';

export interface Impersonated {
  readonly user: UserInfo;
  /** The verb of the constrained mode that allowed it, for the audit log; empty for the old way. */
  readonly constraint: string;
}

export interface ImpersonationMode {
  /** Whether the mode is one for this user to be taken over by this one. */
  applies(wanted: Impersonation, requester: UserInfo): boolean;
  /** Rejects with a 403 for what is not allowed. `request` is what would be done. */
  check(wanted: Impersonation, request: AuthorizationAttributes): Promise<Impersonated>;
}

/** All modes, in the order in which they are tried. */
export function impersonationModes(authorizer: Authorizer): readonly ImpersonationMode[] {
  const associated: Authorizer = {
    authorize: (attributes) => authorizer.authorize(asAssociated(attributes)),
  };
  return [
    {
      ...constrained('associated-node', associated, asAssociated),
      applies: (wanted, requester) => onlyName(wanted) && isOnNode(requester, nodeOf(wanted.user)),
    },
    { ...constrained('arbitrary-node', authorizer), applies: (wanted) => onlyName(wanted) && nodeOf(wanted.user) !== undefined },
    {
      ...constrained('serviceaccount', authorizer),
      applies: (wanted) => onlyName(wanted) && parseServiceAccountUserName(wanted.user) !== undefined,
    },
    {
      ...constrained('user-info', authorizer),
      applies: ({ user }) => nodeOf(user) === undefined && !parseServiceAccountUserName(user),
    },
    {
      applies: () => true,
      check: (wanted, { user }) => takeOver(wanted, user, { authorizer, verb: 'impersonate', isConstrained: false }),
    },
  ];
}

type Shown = (attributes: AuthorizationAttributes) => AuthorizationAttributes;
const asItIs: Shown = (attributes) => attributes;

/** `shown` is what refusals tell of what was asked for. */
function constrained(mode: string, authorizer: Authorizer, shown = asItIs): Pick<ImpersonationMode, 'check'> {
  return {
    async check(wanted, request) {
      await mustAllow(authorizer, { ...request, verb: `impersonate-on:${mode}:${request.verb}` }, shown);
      return takeOver(wanted, request.user, { authorizer, verb: `impersonate:${mode}`, isConstrained: true, shown });
    },
  };
}

const onlyName = ({ uid, groups, extra }: Impersonation) => !uid && !groups.length && !Object.keys(extra).length;

const NODE_USER = 'system:node:';

/** The node whose user name this is. */
function nodeOf(userName: string): string | undefined {
  if (!userName.startsWith(NODE_USER)) return undefined;
  const name = userName.slice(NODE_USER.length);
  return checkDnsSubdomain(name).length ? undefined : name;
}

const NODE_NAME = 'authentication.kubernetes.io/node-name';

/** Whether a service account's token says that it is used on the node. */
function isOnNode({ name, extra }: UserInfo, node: string | undefined): boolean {
  const [only, ...more] = extra?.[NODE_NAME] ?? [];
  return node !== undefined && !more.length && only === node && parseServiceAccountUserName(name) !== undefined;
}

/** What is asked of a service account's own node is asked of all nodes: which one it is, has been looked at. */
function asAssociated(attributes: AuthorizationAttributes): AuthorizationAttributes {
  const { user, verb, name } = attributes;
  const keys = Object.keys(user.extra ?? {}).sort();
  return {
    ...attributes,
    user: { ...user, extra: { 'authentication.kubernetes.io/associated-node-keys': keys } },
    name: verb === 'impersonate:associated-node' ? '*' : name,
  };
}

interface TakingOver {
  readonly authorizer: Authorizer;
  readonly verb: string;
  readonly isConstrained: boolean;
  readonly shown?: Shown;
}

/** So many groups, or values of extra, are asked for together first. */
const MANY = 4;

async function takeOver(wanted: Impersonation, requester: UserInfo, how: TakingOver): Promise<Impersonated> {
  const { authorizer, verb, isConstrained, shown = asItIs } = how;
  const AUTHENTICATION = 'authentication.k8s.io';
  const asked = (group: string, resource: string, more: Partial<AuthorizationAttributes> = {}): AuthorizationAttributes => ({
    user: requester,
    verb,
    isResourceRequest: true,
    path: '',
    group,
    version: 'v1',
    namespace: '',
    resource,
    subresource: '',
    name: '',
    ...more,
  });
  const allow = (attributes: AuthorizationAttributes) => mustAllow(authorizer, attributes, shown);
  const mayAll = async (attributes: AuthorizationAttributes) =>
    isConstrained && (await authorizer.authorize(attributes)).decision === 'allow';
  const namesGroup = isConstrained ? AUTHENTICATION : '';
  const account = parseServiceAccountUserName(wanted.user);
  const node = isConstrained ? nodeOf(wanted.user) : undefined;
  if (account) await allow(asked(namesGroup, 'serviceaccounts', { ...account }));
  else if (node !== undefined) await allow(asked(namesGroup, 'nodes', { name: node }));
  else await allow(asked(namesGroup, 'users', { name: wanted.user }));
  if (wanted.uid) await allow(asked(AUTHENTICATION, 'uids', { name: wanted.uid }));

  const { groups } = wanted;
  const group = (name: string) => asked(namesGroup, 'groups', { name });
  if (isConstrained && groups.includes('')) throw forbiddenTo(group(''), 'impersonating the empty string group is not allowed');
  if (isConstrained && groups.includes(MASTERS))
    throw forbiddenTo(group(MASTERS), 'impersonating the system:masters group is not allowed');
  if (groups.length < MANY || !(await mayAll(group('*')))) for (const name of groups) await allow(group(name));

  const extra = Object.entries(wanted.extra);
  const value = (subresource: string, name: string) => asked(AUTHENTICATION, 'userextras', { subresource, name });
  const problem = isConstrained ? extraProblem(extra) : undefined;
  if (problem) throw forbiddenTo(value('', ''), problem);
  const isLarge = extra.length >= MANY || extra.reduce((sum, [, values]) => sum + values.length, 0) >= MANY;
  if (!isLarge || !(await mayAll(value('*', '*'))))
    for (const [key, values] of extra) for (const name of values) await allow(value(key, name));
  return { user: impersonatedUser(wanted, node), constraint: isConstrained ? verb : '' };
}

async function mustAllow(authorizer: Authorizer, attributes: AuthorizationAttributes, shown: Shown): Promise<void> {
  const { decision, reason, evaluationError } = await authorizer.authorize(attributes);
  if (decision === 'allow') return;
  throw forbiddenTo(shown(attributes), [evaluationError, reason].filter(Boolean).join(': '));
}

/** What the old way lets pass, and the constrained ones do not. */
function extraProblem(extra: readonly (readonly [string, readonly string[]])[]): string | undefined {
  for (const [key, values] of extra) {
    if (!key) return 'impersonating the empty string key in extra is not allowed';
    const errors = checkDomainPrefixedPath('extra.key', key);
    if (errors.length) return `impersonating an invalid key in extra is not allowed: ${listFieldErrors(errors)}`;
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
    if (!values.length) return 'impersonating empty values in extra is not allowed';
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

/** The user that a permitted impersonation makes; `node` is the one that it is known to be. */
function impersonatedUser({ user, groups, uid, extra }: Impersonation, node: string | undefined): UserInfo {
  const account = parseServiceAccountUserName(user);
  const fixed = account ? serviceAccountGroups(account.namespace) : node === undefined ? [] : [NODES_GROUP];
  const known = groups.length ? [...groups] : fixed;
  if (user === ANONYMOUS) {
    if (!known.includes(UNAUTHENTICATED)) known.push(UNAUTHENTICATED);
  } else if (!known.includes(AUTHENTICATED) && !known.includes(UNAUTHENTICATED)) known.push(AUTHENTICATED);
  return { name: user, groups: known, ...(uid && { uid }), ...(Object.keys(extra).length && { extra }) };
}
