import type { Clock } from '../../../std/clock.ts';
import { goQuote } from '../../../std/go-text.ts';
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
  clock: Pick<Clock, 'now' | 'steady'>,
  keys: IssuerKeys = createIssuerKeys(config.issuer, clock),
): TokenAuthenticator {
  const distributed = config.groups && createDistributedClaims(config.groups.claim, config, clock);
  return {
    async authenticateToken(token) {
      const parts = parseIdToken(token);
      if (!parts || issuerOf(parts.claims) !== config.issuer.url) return undefined;
      const { signingAlgorithms, issuer } = config;
      const wanted = { signingAlgorithms, audiences: issuer.audiences, keys, nowMs: clock.now() };
      await verifyIdToken(parts, wanted).catch((cause: Error) => {
        throw new AuthenticationFailure(`oidc: verify token: ${cause.message}`);
      });
      const claims = distributed ? await distributed(parts.claims) : parts.claims;
      return { user: userOf(claims, config) };
    },
  };
}

/** Google's tokens may name it without its scheme (OpenID Connect Core 1.0, 15.6.2). */
const issuerOf = ({ iss }: Claims): unknown => (iss === 'accounts.google.com' ? 'https://accounts.google.com' : iss);

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
    if (claimOf(claims, claim) === undefined)
      throw new AuthenticationFailure(`oidc: required claim ${claim} not present in ID token`);
    const actual = textClaim(claims, claim, `oidc: parse claim ${claim}`);
    if (actual !== value)
      throw new AuthenticationFailure(`oidc: required claim ${claim} value does not match. Got = ${actual}, want = ${value}`);
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
    if (!name) throw new AuthenticationFailure('oidc: empty username via CEL expression is not allowed');
    return name;
  }
  const name = textClaim(claims, username.claim, `oidc: parse username claims ${goQuote(username.claim)}`);
  const verified = username.claim === 'email' ? claimOf(claims, 'email_verified') : true;
  if (verified !== undefined && verified !== null && typeof verified !== 'boolean')
    throw new AuthenticationFailure(`oidc: parse 'email_verified' claim: ${notOfType(verified, 'bool')}`);
  if (verified === false || verified === null) throw new AuthenticationFailure('oidc: email not verified');
  return `${username.prefix}${name}`;
}

function uidOf(claims: Claims, { uid, rules }: JwtAuthenticatorConfig): string | undefined {
  return uid ? textClaim(claims, uid.claim, `oidc: parse uid claim ${goQuote(uid.claim)}`) : rules?.uid?.(claims);
}

/** A claim that must be a text. As Go reads JSON, null is an empty one. */
function textClaim(claims: Claims, claim: string, failure: string): string {
  const value = claimOf(claims, claim);
  if (value === undefined) throw new AuthenticationFailure(`${failure}: claim not present`);
  if (value !== null && typeof value !== 'string') throw new AuthenticationFailure(`${failure}: ${notOfType(value, 'string')}`);
  return value ?? '';
}

/** encoding/json's words. */
function notOfType(value: unknown, type: string): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type ${type}`;
}

/** A list of names, or one name alone; no claim is no group. */
function readGroups(value: unknown, { claim, prefix }: { readonly claim: string; readonly prefix: string }): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value.map((entry: unknown) => entry ?? '') : [value];
  if (!list.every((entry) => typeof entry === 'string'))
    throw new AuthenticationFailure(`oidc: parse groups claim ${goQuote(claim)}: ${notOfType(value, 'string')}`);
  return list.map((entry) => `${prefix}${entry}`);
}
