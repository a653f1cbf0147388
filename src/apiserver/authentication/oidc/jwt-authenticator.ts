import type { Clock } from '../../../std/clock.ts';
import type { TokenAuthenticator, UserInfo } from '../../contracts.ts';
import { AuthenticationFailure } from '../authentication-failure.ts';
import { createDistributedClaims } from './distributed-claims.ts';
import { type Claims, claimOf, parseIdToken, verifyIdToken } from './id-token.ts';
import { createIssuerKeys, type IssuerKeys, type IssuerOptions } from './issuer-keys.ts';

/** One `jwt` entry of an AuthenticationConfiguration, or what `--oidc-*` says. */
export interface JwtAuthenticatorConfig {
  readonly issuer: IssuerOptions & { readonly audiences: readonly string[] };
  /** Absent: `rules` make it. */
  readonly username?: { readonly claim: string; readonly prefix: string };
  readonly groups?: { readonly claim: string; readonly prefix: string };
  readonly uid?: { readonly claim: string };
  readonly requiredClaims: readonly { readonly claim: string; readonly value: string }[];
  readonly signingAlgorithms: readonly string[];
  readonly rules?: ClaimRules;
}

/** What expressions make of claims, and ask of them. Each throws an AuthenticationFailure for what will not do. */
export interface ClaimRules {
  readonly username?: (claims: Claims) => string;
  readonly groups?: (claims: Claims) => readonly string[];
  readonly uid?: (claims: Claims) => string;
  readonly extra: (claims: Claims) => Readonly<Record<string, readonly string[]>>;
  readonly checkClaims: (claims: Claims) => void;
  readonly checkUser: (user: UserInfo) => void;
}

/** Takes ID tokens of one issuer (apiserver/plugin/pkg/authenticator/token/oidc). Tokens of others are not its matter. */
export function createJwtAuthenticator(
  config: JwtAuthenticatorConfig,
  clock: Pick<Clock, 'now'>,
  keys: IssuerKeys = createIssuerKeys(config.issuer, clock),
): TokenAuthenticator {
  const distributed = config.groups && createDistributedClaims(config.groups.claim, config, clock);
  return {
    async authenticateToken(token) {
      const parts = parseIdToken(token);
      if (!parts || parts.claims['iss'] !== config.issuer.url) return undefined;
      const { signingAlgorithms, issuer } = config;
      await verifyIdToken(parts, { signingAlgorithms, audiences: issuer.audiences, keys, nowMs: clock.now() });
      const claims = distributed ? await distributed(parts.claims) : parts.claims;
      return { user: userOf(claims, config) };
    },
  };
}

function userOf(claims: Claims, config: JwtAuthenticatorConfig): UserInfo {
  const { groups, requiredClaims, rules } = config;
  const name = nameOf(claims, config);
  const ofGroups = groups ? readGroups(claimOf(claims, groups.claim), groups) : [...(rules?.groups?.(claims) ?? [])];
  const uid = uidOf(claims, config);
  const { jti } = claims;
  const extra = {
    ...rules?.extra(claims),
    ...(typeof jti === 'string' && jti && { 'authentication.kubernetes.io/credential-id': [`JTI=${jti}`] }),
  };
  for (const { claim, value } of requiredClaims) {
    const actual = claimOf(claims, claim);
    if (actual === undefined) throw new AuthenticationFailure(`oidc: required claim ${claim} not present in ID token`);
    if (actual !== value) throw new AuthenticationFailure(`oidc: required claim ${claim} value does not match`);
  }
  rules?.checkClaims(claims);
  const user = { name, ...(uid && { uid }), groups: ofGroups, ...(Object.keys(extra).length && { extra }) };
  rules?.checkUser(user);
  return user;
}

function nameOf(claims: Claims, { username, rules }: JwtAuthenticatorConfig): string {
  if (!username) {
    const name = rules?.username?.(claims);
    // Nobody's name is no name: it would be a user whom no rule means.
    if (!name) throw new AuthenticationFailure('oidc: error evaluating username claim expression: the username is empty');
    return name;
  }
  const name = claimOf(claims, username.claim);
  if (typeof name !== 'string' || name === '')
    throw new AuthenticationFailure(`oidc: parse username claims ${JSON.stringify(username.claim)}: claim not present`);
  if (username.claim === 'email') {
    const verified = claimOf(claims, 'email_verified');
    if (verified !== undefined && verified !== true) throw new AuthenticationFailure('oidc: email not verified');
  }
  return `${username.prefix}${name}`;
}

function uidOf(claims: Claims, { uid, rules }: JwtAuthenticatorConfig): string | undefined {
  if (!uid) return rules?.uid?.(claims);
  const id = claimOf(claims, uid.claim);
  if (typeof id === 'string') return id;
  throw new AuthenticationFailure(`oidc: parse uid claim ${JSON.stringify(uid.claim)}: claim not present`);
}

/** A list of names, or one name alone; no claim is no group. */
function readGroups(value: unknown, { claim, prefix }: { readonly claim: string; readonly prefix: string }): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((entry) => typeof entry === 'string'))
    throw new AuthenticationFailure(`oidc: parse groups claim ${JSON.stringify(claim)}: it is no list of names`);
  return list.map((entry) => `${prefix}${entry}`);
}
