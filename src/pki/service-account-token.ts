import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { CodedError } from '../std/coded-error.ts';

/** What a service-account token claims (pkg/serviceaccount/claims.go). Times are seconds since the epoch. */
export interface TokenClaims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly 'kubernetes.io'?: BoundClaims;
  readonly [claim: string]: unknown;
}

export interface ObjectClaim {
  readonly name: string;
  readonly uid?: string;
}

export interface BoundClaims {
  readonly namespace: string;
  readonly serviceaccount: ObjectClaim;
  readonly pod?: ObjectClaim;
  readonly secret?: ObjectClaim;
  readonly node?: ObjectClaim;
  readonly warnafter?: number;
}

/** The issuer of tokens kept in Secrets. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

const LEGACY = 'kubernetes.io/serviceaccount/';

export interface LegacyAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly secretName: string;
}

/** Claims of the token kept in a Secret of type `kubernetes.io/service-account-token` (pkg/serviceaccount/legacy.go). */
export function legacyTokenClaims(account: LegacyAccount): TokenClaims {
  return {
    iss: LEGACY_ISSUER,
    [`${LEGACY}namespace`]: account.namespace,
    [`${LEGACY}secret.name`]: account.secretName,
    [`${LEGACY}service-account.name`]: account.name,
    [`${LEGACY}service-account.uid`]: account.uid,
    sub: `system:serviceaccount:${account.namespace}:${account.name}`,
  };
}

/** The account a legacy token speaks of, or undefined when a claim is missing. */
export function readLegacyClaims(claims: TokenClaims): LegacyAccount | undefined {
  const text = (name: string) => {
    const value = claims[LEGACY + name];
    return typeof value === 'string' && value ? value : undefined;
  };
  const namespace = text('namespace');
  const secretName = text('secret.name');
  const name = text('service-account.name');
  const uid = text('service-account.uid');
  if (!namespace || !secretName || !name || !uid) return undefined;
  return claims.sub === `system:serviceaccount:${namespace}:${name}` ? { namespace, secretName, name, uid } : undefined;
}

/** Signs claims as a compact JWS (RFC 7515). */
export interface TokenSigner {
  readonly algorithm: string;
  readonly keyId: string;
  sign(claims: TokenClaims): string;
}

/**
 * Makes a signer of an RSA (RS256) or EC key (ES256, ES384, ES512), PEM. The key's id is the hash of its public half, as upstream.
 * Throws a CodedError when the key is of no such kind.
 */
export function createTokenSigner(privateKeyPem: string): TokenSigner {
  let key: KeyObject;
  try {
    key = createPrivateKey(privateKeyPem);
  } catch (cause) {
    throw new CodedError('the service account signing key is not a private key in PEM', { code: 'SERVICE_ACCOUNT_KEY', cause });
  }
  const [algorithm] = algorithmsOf(key);
  const keyId = keyIdOf(createPublicKey(key));
  const header = encode(JSON.stringify({ alg: algorithm, kid: keyId }));
  return {
    algorithm: algorithm!,
    keyId,
    sign(claims) {
      const input = `${header}.${encode(JSON.stringify(claims))}`;
      return `${input}.${signBytes(hashOf(algorithm!), Buffer.from(input), signatureOptions(key, algorithm!)).toString('base64url')}`;
    },
  };
}

/** Checks signatures against a set of public keys. */
export interface TokenVerifier {
  /** The claims when one of the keys signed the token; undefined when none did or it is no JWS. Says nothing of times or issuer. */
  verify(token: string): TokenClaims | undefined;
  /** Public keys as a JWK Set (RFC 7517), with upstream's fields. */
  readonly jwks: { readonly keys: readonly Record<string, unknown>[] };
}

interface VerificationKey {
  readonly key: KeyObject;
  readonly keyId: string;
  readonly algorithms: readonly string[];
}

/**
 * Makes a verifier of PEM texts holding public keys, certificates or private keys (whose public half is used), several to a text if need be.
 * Throws a CodedError when a text holds no usable key.
 */
export function createTokenVerifier(keyPems: readonly string[]): TokenVerifier {
  const keys = new Map<string, VerificationKey>();
  for (const pem of keyPems) {
    for (const key of publicKeysIn(pem)) {
      const keyId = keyIdOf(key);
      keys.set(keyId, { key, keyId, algorithms: algorithmsOf(key) });
    }
  }
  return {
    verify(token) {
      const parts = splitToken(token);
      if (!parts) return undefined;
      const { alg, kid } = parts.header;
      if (typeof alg !== 'string') return undefined;
      // Without a key id, as old tokens are, or with one of another issuer's making, every key may be the one.
      const named = typeof kid === 'string' ? keys.get(kid) : undefined;
      const candidates = named ? [named] : [...keys.values()];
      const signed = candidates.some(
        // The algorithm must be one of the key's own: a token never chooses how its signature is checked.
        ({ key, algorithms }) =>
          algorithms.includes(alg) &&
          verifyBytes(hashOf(alg), Buffer.from(parts.input), signatureOptions(key, alg), parts.signature),
      );
      return signed ? parts.claims : undefined;
    },
    jwks: {
      keys: [...keys.values()].map(({ key, keyId, algorithms }) => ({
        use: 'sig',
        kid: keyId,
        alg: algorithms[0],
        ...key.export({ format: 'jwk' }),
      })),
    },
  };
}

/** The claims of a token whose signature has not been looked at: only to choose who shall check it. */
export function peekClaims(token: string): TokenClaims | undefined {
  return splitToken(token)?.claims;
}

/** The name of the key that is said to have signed a token; undefined when it is none or says nothing. */
export function tokenKeyId(token: string): string | undefined {
  const kid = splitToken(token)?.header['kid'];
  return typeof kid === 'string' ? kid : undefined;
}

interface TokenParts {
  readonly header: Record<string, unknown>;
  readonly claims: TokenClaims;
  readonly input: string;
  readonly signature: Buffer;
}

const BASE64URL = /^[A-Za-z0-9_-]+$/;
/** Longer ones are not ours and are not parsed. */
const LONGEST_TOKEN = 64 * 1024;

function splitToken(token: string): TokenParts | undefined {
  if (token.length > LONGEST_TOKEN) return undefined;
  const [head, body, signature, ...rest] = token.split('.');
  if (!head || !body || !signature || rest.length) return undefined;
  if (![head, body, signature].every((part) => BASE64URL.test(part))) return undefined;
  const header = decode(head);
  const claims = decode(body);
  // An extension that must be understood (RFC 7515, 4.1.11) is not.
  if (!header || !claims || 'crit' in header) return undefined;
  return { header, claims, input: `${head}.${body}`, signature: Buffer.from(signature, 'base64url') };
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // not JSON: not a token
  }
}

const encode = (text: string) => Buffer.from(text).toString('base64url');

const EC_ALGORITHM: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

/** The JWS algorithms that may be used with a key, the one to sign with first. */
function algorithmsOf(key: KeyObject): readonly string[] {
  if (key.asymmetricKeyType === 'rsa') return RSA_ALGORITHMS;
  const algorithm = key.asymmetricKeyType === 'ec' ? EC_ALGORITHM[key.asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
  if (algorithm) return [algorithm];
  throw new CodedError(
    `a service account key must be RSA or ECDSA on P-256, P-384 or P-521, not ${key.asymmetricKeyType} ${key.asymmetricKeyDetails?.namedCurve ?? ''}`.trim(),
    { code: 'SERVICE_ACCOUNT_KEY' },
  );
}

const hashOf = (algorithm: string) => `sha${algorithm.slice(2)}`;

function signatureOptions(key: KeyObject, algorithm: string) {
  if (algorithm.startsWith('ES')) return { key, dsaEncoding: 'ieee-p1363' as const };
  if (algorithm.startsWith('PS')) {
    return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  }
  return { key, padding: constants.RSA_PKCS1_PADDING };
}

function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64url');
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,64})-----/g;
/** Of blocks without their end, each of which is looked for to the end of the text. */
const MOST_OPEN = 8;

/** The blocks of a text, each with its label. Other text may stand between them. */
function* blocksIn(pem: string): Generator<readonly [block: string, label: string]> {
  let open = 0;
  let from = 0;
  for (const { 0: begin, 1: label = '', index } of pem.matchAll(BEGIN)) {
    if (index < from) continue; // within the block before
    const ending = `-----END ${label}-----`;
    const end = pem.indexOf(ending, index + begin.length);
    if (end >= 0) {
      from = end + ending.length;
      yield [pem.slice(index, from), label];
    } else if (++open > MOST_OPEN) return;
  }
}

function publicKeysIn(pem: string): KeyObject[] {
  const keys: KeyObject[] = [];
  for (const [block, label] of blocksIn(pem)) {
    // `openssl ecparam -genkey` writes the curve's name in a block of its own.
    if (label === 'EC PARAMETERS') continue;
    try {
      keys.push(createPublicKey(block));
    } catch (cause) {
      throw new CodedError(`the service account key file holds a broken "${label}" block`, {
        code: 'SERVICE_ACCOUNT_KEY',
        cause,
      });
    }
  }
  if (!keys.length) {
    throw new CodedError('the service account key file holds no key or certificate in PEM', { code: 'SERVICE_ACCOUNT_KEY' });
  }
  return keys;
}
