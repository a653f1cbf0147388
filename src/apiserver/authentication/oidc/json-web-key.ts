import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';

/** One of an issuer's keys (RFC 7517). */
export interface VerificationKey {
  readonly keyId: string | undefined;
  /** The only algorithm that the key is for, when it says so. */
  readonly algorithm: string | undefined;
  readonly key: KeyObject;
}

/** Algorithms that upstream takes (`--oidc-signing-algs`), with their hash; none and those of shared secrets are not among them. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['RS256', 'sha256'],
  ['RS384', 'sha384'],
  ['RS512', 'sha512'],
  ['PS256', 'sha256'],
  ['PS384', 'sha384'],
  ['PS512', 'sha512'],
  ['ES256', 'sha256'],
  ['ES384', 'sha384'],
  ['ES512', 'sha512'],
]);

export const SIGNING_ALGORITHMS: readonly string[] = [...HASHES.keys()];

/** What each curve is signed with: another combination is no signature of the standard. */
const CURVES: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

/** The keys of a JWK Set that can verify signatures; others are passed over. */
export function readKeySet(document: unknown): VerificationKey[] {
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('the key set has no "keys"');
  return keys.flatMap((entry): VerificationKey[] => {
    const { kid, alg, use, kty } = (entry ?? {}) as Record<string, unknown>;
    if ((use !== undefined && use !== 'sig') || (kty !== 'RSA' && kty !== 'EC')) return [];
    try {
      const key = createPublicKey({ key: entry as Record<string, string>, format: 'jwk' });
      const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
      return [{ keyId: text(kid), algorithm: text(alg), key }];
    } catch {
      return []; // one key that nobody can read must not make the others useless
    }
  });
}

/** Whether the key made the signature with an algorithm that fits it: a token never chooses how it is checked. */
export function verifySignature({ key, algorithm }: VerificationKey, alg: string, input: Buffer, signature: Buffer): boolean {
  const hash = HASHES.get(alg);
  if (!hash || (algorithm !== undefined && algorithm !== alg)) return false;
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  if (alg.startsWith('ES')) {
    if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== CURVES[alg]) return false;
    return verify(hash, input, { key, dsaEncoding: 'ieee-p1363' }, signature);
  }
  if (asymmetricKeyType !== 'rsa') return false;
  const options = alg.startsWith('PS')
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { padding: constants.RSA_PKCS1_PADDING };
  return verify(hash, input, { key, ...options }, signature);
}
