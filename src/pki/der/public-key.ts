import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { DerReader, derError, Tag } from './der-reader.ts';
import { objectIdentifier, octetsOfBitString, unsignedInteger } from './der-values.ts';
import { Oid } from './object-identifiers.ts';

const WHAT = 'public key';
/** Octets of an uncompressed point, by curve. Only these curves: explicit parameters would let anybody choose the group. */
const POINT_SIZE: Readonly<Record<string, number>> = { [Oid.secp256r1]: 65, [Oid.secp384r1]: 97, [Oid.secp521r1]: 133 };
/** Larger keys take seconds to work with; Go's TLS refuses them too. */
const RSA_MAX_BITS = 8192;
const RSA_MIN_BITS = 2048;

/** Checks a SubjectPublicKeyInfo: RSA of 2048 to 8192 bits, ECDSA on P-256, P-384 or P-521, or Ed25519. Throws a CodedError. */
export function checkPublicKey(spki: Uint8Array): void {
  const outer = new DerReader(spki, WHAT);
  const reader = outer.enter(Tag.sequence);
  outer.end();
  const algorithm = reader.enter(Tag.sequence, `${WHAT} algorithm`);
  const type = objectIdentifier(algorithm.read(Tag.oid), `${WHAT} algorithm`);
  if (type === Oid.ecPublicKey) {
    const curve = objectIdentifier(algorithm.read(Tag.oid, `${WHAT} curve`), `${WHAT} curve`);
    algorithm.end();
    const point = octetsOfBitString(reader.read(Tag.bitString), WHAT);
    if (POINT_SIZE[curve] === undefined) throw derError(WHAT, `curve ${curve} is not supported`);
    if (point.length !== POINT_SIZE[curve] || point[0] !== 4) throw derError(WHAT, 'is not an uncompressed point of its curve');
  } else if (type === Oid.rsaEncryption) {
    if (algorithm.read(Tag.null).content.length !== 0) throw derError(WHAT, 'has RSA parameters');
    algorithm.end();
    checkRsaKey(octetsOfBitString(reader.read(Tag.bitString), WHAT));
  } else if (type === Oid.ed25519) {
    algorithm.end();
    if (octetsOfBitString(reader.read(Tag.bitString), WHAT).length !== 32) throw derError(WHAT, 'is not an Ed25519 key');
  } else throw derError(WHAT, `algorithm ${type} is not supported`);
  reader.end();
}

function checkRsaKey(bytes: Buffer): void {
  const outer = new DerReader(bytes, WHAT);
  const reader = outer.enter(Tag.sequence);
  outer.end();
  const modulus = unsignedInteger(reader.read(Tag.integer), WHAT);
  const exponent = unsignedInteger(reader.read(Tag.integer), WHAT);
  reader.end();
  const bits = modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
  if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS) {
    throw derError(WHAT, `is an RSA key of ${bits} bits; ${RSA_MIN_BITS} to ${RSA_MAX_BITS} are allowed`);
  }
  if (exponent.length > 4 || (exponent.at(-1)! & 1) === 0 || exponent.equals(Buffer.from([1]))) {
    throw derError(WHAT, 'has an RSA exponent that is not allowed');
  }
}

/** Checks as `checkPublicKey` does, and gives the key to verify with. */
export function openPublicKey(spki: Uint8Array): KeyObject {
  checkPublicKey(spki);
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (error) {
    throw derError(WHAT, error instanceof Error ? error.message : String(error));
  }
}

/** SHA-1 of the key's bits (RFC 5280, 4.2.1.2, method 1): a name for the key, not a protection. */
export function keyIdentifier(spki: Uint8Array): Buffer {
  const reader = new DerReader(spki, WHAT).enter(Tag.sequence);
  reader.read(Tag.sequence);
  return hash('sha1', octetsOfBitString(reader.read(Tag.bitString), WHAT), 'buffer');
}
