import { isJsonMap } from '../../../api/machinery/clone.ts';
import { goQuote } from '../../../std/go-text.ts';
import { AuthenticationFailure } from '../authentication-failure.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { type VerificationKey, verifySignature } from './json-web-key.ts';

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

/**
 * Rejects with an AuthenticationFailure, in go-oidc's words and order, for a token that its issuer has not signed, that is for others, or
 * not for now.
 */
export async function verifyIdToken(
  { header, claims, input, signature }: IdToken,
  { signingAlgorithms, audiences, keys, nowMs }: Verification,
): Promise<void> {
  checkClaimSources(claims);
  if (audiences?.length === 1) checkAudience(claims, audiences);
  checkLifetime(claims, nowMs);
  const { alg, kid } = header;
  if (typeof alg !== 'string' || !signingAlgorithms.includes(alg))
    throw new AuthenticationFailure(
      `oidc: id token signed with unsupported algorithm, expected ${goList(signingAlgorithms)} got ${goQuote(String(alg ?? ''))}`,
    );
  const notSigned = 'failed to verify signature: failed to verify id token signature';
  // An extension that must be understood (RFC 7515, 4.1.11) is not.
  if ('crit' in header) throw new AuthenticationFailure(notSigned);
  const keyId = typeof kid === 'string' ? kid : undefined;
  const candidates = await keys.candidates(keyId).catch((cause) => {
    throw new AuthenticationFailure(`failed to verify signature: ${(cause as Error).message}`);
  });
  const signed = Buffer.from(input);
  const isSignedBy = (key: VerificationKey) => verifySignature(key, alg, signed, signature);
  if (!candidates.some(isSignedBy) && !(await keys.newer(keyId)).some(isSignedBy)) throw new AuthenticationFailure(notSigned);
  if (audiences && audiences.length > 1) checkAudience(claims, audiences);
}

/** Claims that are kept elsewhere must say where. */
function checkClaimSources(claims: Claims): void {
  const names = claimOf(claims, '_claim_names') ?? {};
  const sources = claimOf(claims, '_claim_sources') ?? {};
  if (!isJsonMap(names) || !isJsonMap(sources) || !Object.values(sources).every((source) => isJsonMap(source)))
    throw new AuthenticationFailure(
      'oidc: failed to unmarshal claims: _claim_names must be an object of texts, _claim_sources one of objects',
    );
  for (const name of Object.values(names)) {
    if (typeof name !== 'string' || name === '') throw new AuthenticationFailure('oidc: failed to obtain source from claim name');
    if (claimOf(sources, name) === undefined) throw new AuthenticationFailure('oidc: source does not exist');
  }
}

/** A whole second as Go prints it. */
const goSecond = (seconds: number): string =>
  `${new Date(Math.trunc(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;

/** The farthest second that a date can say. */
const LAST_SECOND = 8_640_000_000_000;

function checkLifetime({ exp, nbf }: Claims, nowMs: number): void {
  if (typeof exp !== 'number')
    throw new AuthenticationFailure('oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)');
  if (exp * 1000 < nowMs)
    throw new AuthenticationFailure(`oidc: token is expired (Token Expiry: ${goSecond(Math.max(exp, -LAST_SECOND))})`);
  if (typeof nbf === 'number' && nbf * 1000 > nowMs + NOT_BEFORE_LEEWAY_MS)
    throw new AuthenticationFailure(
      `oidc: current time ${goSecond(nowMs / 1000)} before the nbf (not before) time: ${goSecond(Math.min(nbf, LAST_SECOND))}`,
    );
}

function checkAudience({ aud }: Claims, audiences: readonly string[]): void {
  const given = (Array.isArray(aud) ? aud : [aud]).filter((audience) => typeof audience === 'string');
  if (given.some((audience) => audiences.includes(audience))) return;
  const expected = audiences.length === 1 ? goQuote(audiences[0]!) : `in ${goList(audiences.toSorted())}`;
  throw new AuthenticationFailure(`oidc: expected audience ${expected} got ${goList(given)}`);
}

const goList = (texts: readonly string[]): string => `[${texts.map(goQuote).join(' ')}]`;
