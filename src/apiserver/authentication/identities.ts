import type { UserInfo } from '../contracts.ts';

// Names that Kubernetes gives meaning to (apiserver/pkg/authentication/user/user.go).
export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';
export const MASTERS = 'system:masters';
export const ANONYMOUS = 'system:anonymous';
export const NODES_GROUP = 'system:nodes';
export const SERVICE_ACCOUNTS_GROUP = 'system:serviceaccounts';
export const BOOTSTRAPPERS_GROUP = 'system:bootstrappers';

/** Who a request without credentials comes from. */
export const anonymousUser: UserInfo = { name: ANONYMOUS, groups: [UNAUTHENTICATED] };

/** Adds `system:authenticated` to whoever proved to be somebody (apiserver/pkg/authentication/group/authenticated_group_adder.go). */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.name === ANONYMOUS || user.groups.includes(AUTHENTICATED) || user.groups.includes(UNAUTHENTICATED)) return user;
  return { ...user, groups: [...user.groups, AUTHENTICATED] };
}

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

const SERVICE_ACCOUNT_USER = /^system:serviceaccount:([a-z0-9](?:[-a-z0-9]*[a-z0-9])?):([a-z0-9](?:[-.a-z0-9]*[a-z0-9])?)$/;

export function serviceAccountUserName({ namespace, name }: ServiceAccountName): string {
  return `system:serviceaccount:${namespace}:${name}`;
}

/** The account behind a user name, when it is a service account's. */
export function parseServiceAccountUserName(userName: string): ServiceAccountName | undefined {
  const match = SERVICE_ACCOUNT_USER.exec(userName);
  return match ? { namespace: match[1]!, name: match[2]! } : undefined;
}

export function serviceAccountGroups(namespace: string): string[] {
  return [SERVICE_ACCOUNTS_GROUP, `${SERVICE_ACCOUNTS_GROUP}:${namespace}`];
}

const NODE_USER = 'system:node:';

/**
 * The node a user is (pkg/auth/nodeidentifier): undefined when it is no node, and an empty name for one that says it is without
 * saying which.
 */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(NODE_USER) || !user.groups.includes(NODES_GROUP)) return undefined;
  return user.name.slice(NODE_USER.length);
}
