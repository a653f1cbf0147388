import type { Clock } from '../../../std/clock.ts';
import type { TokenAuthenticator, UserInfo } from '../../contracts.ts';
import { AuthenticationFailure } from '../authentication-failure.ts';
import { createIssuerKeys, type IssuerKeys, type IssuerOptions } from './issuer-keys.ts';
import { verifySignature } from './json-web-key.ts';

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

type Claims = Readonly<Record<string, unknown>>;

/** A token from a clock a little ahead of ours is good already, as go-oidc has it. */
const NOT_BEFORE_LEEWAY_MS = 5 * 60_000;
const LONGEST_TOKEN = 64 * 1024;

/** Takes ID tokens of one issuer (apiserver/plugin/pkg/authenticator/token/oidc). Tokens of others are not its matter. */
export function createJwtAuthenticator(
  config: JwtAuthenticatorConfig,
  clock: Pick<Clock, 'now'>,
  keys: IssuerKeys = createIssuerKeys(config.issuer, clock),
): TokenAuthenticator {
  return {
    async authenticateToken(token) {
      const parts = splitToken(token);
      if (!parts || parts.claims['iss'] !== config.issuer.url) return undefined;
      const { alg, kid } = parts.header;
      if (typeof alg !== 'string' || !config.signingAlgorithms.includes(alg))
        throw new AuthenticationFailure(
          `oidc: id token signed with unsupported algorithm, expected ${config.signingAlgorithms.join(', ')}`,
        );
      checkLifetime(parts.claims, clock.now());
      checkAudience(parts.claims, config.issuer.audiences);
      const candidates = await keys.candidates(typeof kid === 'string' ? kid : undefined).catch((cause) => {
        throw new AuthenticationFailure((cause as Error).message);
      });
      const input = Buffer.from(parts.input);
      if (!candidates.some((key) => verifySignature(key, alg, input, parts.signature)))
        throw new AuthenticationFailure('oidc: verify token: failed to verify id token signature');
      return { user: userOf(parts.claims, config) };
    },
  };
}

interface TokenParts {
  readonly header: Claims;
  readonly claims: Claims;
  readonly input: string;
  readonly signature: Buffer;
}

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

function splitToken(token: string): TokenParts | undefined {
  const match = token.length <= LONGEST_TOKEN ? COMPACT.exec(token) : null;
  if (!match) return undefined;
  const [, head, body, signature] = match;
  const parse = (text: string): Claims | undefined => {
    try {
      const value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as unknown;
      return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined;
    } catch {
      return undefined;
    }
  };
  const [header, claims] = [parse(head!), parse(body!)];
  if (!header || !claims) return undefined;
  return { header, claims, input: `${head}.${body}`, signature: Buffer.from(signature!, 'base64url') };
}

function checkLifetime({ exp, nbf }: Claims, nowMs: number): void {
  if (typeof exp !== 'number') throw new AuthenticationFailure('oidc: verify token: the token has no expiry');
  if (exp * 1000 < nowMs) throw new AuthenticationFailure('oidc: verify token: oidc: token is expired');
  if (typeof nbf === 'number' && nbf * 1000 > nowMs + NOT_BEFORE_LEEWAY_MS)
    throw new AuthenticationFailure('oidc: verify token: the token is not valid yet');
}

function checkAudience({ aud }: Claims, audiences: readonly string[]): void {
  const given = Array.isArray(aud) ? aud : [aud];
  if (!given.some((audience) => typeof audience === 'string' && audiences.includes(audience)))
    throw new AuthenticationFailure(`oidc: verify token: oidc: expected audience in ${JSON.stringify(audiences)}`);
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

const claimOf = (claims: Claims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

/** A list of names, or one name alone; no claim is no group. */
function readGroups(value: unknown, { claim, prefix }: { readonly claim: string; readonly prefix: string }): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((entry) => typeof entry === 'string'))
    throw new AuthenticationFailure(`oidc: parse groups claim ${JSON.stringify(claim)}: it is no list of names`);
  return list.map((entry) => `${prefix}${entry}`);
}
