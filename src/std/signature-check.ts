import { createPublicKey, type KeyObject, verify } from 'node:crypto';

export interface SignedBytes {
  /** SubjectPublicKeyInfo of the key that is said to have signed. */
  readonly publicKeyDer: Uint8Array;
  /** Null where the algorithm has its own. */
  readonly digest: string | null;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

export interface CheckedSignature {
  readonly keyType: KeyObject['asymmetricKeyType'];
  readonly holds: boolean;
}

/** Those checked last, by everything that they follow from. */
const checkedLast = new Map<string, CheckedSignature>();
const MOST_KEPT = 256;
const MOST_KEPT_LENGTH = 8 * 1024;

/**
 * Whether `signature` was made of `signed` with the key's other half. The signature of a certificate request is checked by the API server and again by its
 * signer; in one process only the first has the work, which is more than half of what else its signer does.
 *
 * @throws Error of OpenSSL for bytes that are no key
 */
export function checkSignature({ publicKeyDer, digest, signed, signature }: SignedBytes): CheckedSignature {
  const name = `${digest}/${publicKeyDer.length}/${signed.length}/${latin1(publicKeyDer)}${latin1(signed)}${latin1(signature)}`;
  const known = checkedLast.get(name);
  if (known) return known;
  const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' });
  const checked = { keyType: key.asymmetricKeyType, holds: verify(digest, signed, key, signature) };
  if (name.length > MOST_KEPT_LENGTH) return checked;
  if (checkedLast.size >= MOST_KEPT) checkedLast.delete(checkedLast.keys().next().value!);
  checkedLast.set(name, checked);
  return checked;
}

const latin1 = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
