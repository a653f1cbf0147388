import { AuthenticationFailure } from '../authentication-failure.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { verifySignature } from './json-web-key.ts';

export type Claims = Readonly<Record<string, unknown>>;

export const claimOf = (claims: Claims, name: string): unknown => (Object.hasOwn(claims, name) ? claims[name] : undefined);

/** A token from a clock a little ahead of ours is good already, as go-oidc has it. */
const NOT_BEFORE_LEEWAY_MS = 5 * 60_000;
const LONGEST_TOKEN = 64 * 1024;

/** A token taken apart; nothing in it is true before its signature has been looked at. */
export interface IdToken {
  readonly header: Claims;
  readonly claims: Claims;
  readonly input: string;
  readonly signature: Buffer;
}

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** Undefined for what is no signed token in its compact form. */
export function parseIdToken(token: string): IdToken | undefined {
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

export interface Verification {
  readonly signingAlgorithms: readonly string[];
  /** Undefined: whoever it is for. */
  readonly audiences: readonly string[] | undefined;
  readonly keys: IssuerKeys;
  readonly nowMs: number;
}

/** Rejects with an AuthenticationFailure for a token that its issuer has not signed, that is for others, or not for now. */
export async function verifyIdToken(
  { header, claims, input, signature }: IdToken,
  { signingAlgorithms, audiences, keys, nowMs }: Verification,
): Promise<void> {
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !signingAlgorithms.includes(alg))
    throw new AuthenticationFailure(`oidc: id token signed with unsupported algorithm, expected ${signingAlgorithms.join(', ')}`);
  checkLifetime(claims, nowMs);
  if (audiences) checkAudience(claims, audiences);
  const candidates = await keys.candidates(typeof kid === 'string' ? kid : undefined).catch((cause) => {
    throw new AuthenticationFailure((cause as Error).message);
  });
  const signed = Buffer.from(input);
  if (!candidates.some((key) => verifySignature(key, alg, signed, signature)))
    throw new AuthenticationFailure('oidc: verify token: failed to verify id token signature');
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
