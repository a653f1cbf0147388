import { type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { CodedError } from '../../std/coded-error.ts';
import { checkSignature } from '../../std/signature-check.ts';
import { DerReader, derError, Tag } from './der-reader.ts';
import { objectIdentifier, octetsOfBitString } from './der-values.ts';
import * as der from './der-writer.ts';
import { Oid } from './object-identifiers.ts';

interface SignatureAlgorithm {
  readonly oid: string;
  readonly keyType: 'ec' | 'rsa' | 'ed25519';
  /** Undefined where the algorithm includes it. */
  readonly digest: string | undefined;
}

/** SHA-1 and MD5 are not among them: Go refuses to verify with them, too. */
const ALGORITHMS: readonly SignatureAlgorithm[] = [
  { oid: Oid.ecdsaWithSha256, keyType: 'ec', digest: 'sha256' },
  { oid: Oid.ecdsaWithSha384, keyType: 'ec', digest: 'sha384' },
  { oid: Oid.ecdsaWithSha512, keyType: 'ec', digest: 'sha512' },
  { oid: Oid.sha256WithRsa, keyType: 'rsa', digest: 'sha256' },
  { oid: Oid.sha384WithRsa, keyType: 'rsa', digest: 'sha384' },
  { oid: Oid.sha512WithRsa, keyType: 'rsa', digest: 'sha512' },
  { oid: Oid.ed25519, keyType: 'ed25519', digest: undefined },
];

/** SEQUENCE { what is signed, algorithm, signature }: certificates and requests alike. */
export interface SignedDocument {
  readonly signed: Buffer;
  readonly algorithmOid: string;
  readonly signature: Buffer;
}

/** Takes a signed document apart. The parts are not checked beyond their frame. */
export function readSigned(bytes: Uint8Array, what: string): SignedDocument {
  const outer = new DerReader(bytes, what);
  const reader = outer.enter(Tag.sequence);
  outer.end();
  const signed = reader.read(Tag.sequence).raw;
  const algorithmOid = readAlgorithm(reader, `${what} signature algorithm`);
  const signature = octetsOfBitString(reader.read(Tag.bitString, `${what} signature`), `${what} signature`);
  reader.end();
  return { signed, algorithmOid, signature };
}

/** An AlgorithmIdentifier's type. Parameters, where there are any, are passed over. */
export function readAlgorithm(reader: DerReader, what: string): string {
  const algorithm = reader.enter(Tag.sequence, what);
  const oid = objectIdentifier(algorithm.read(Tag.oid, what), what);
  if (!algorithm.atEnd) algorithm.readAny(what);
  algorithm.end();
  return oid;
}

/** Whether the document was signed with the key that belongs to `publicKey`. Throws when the algorithm is not supported. */
export function verifySigned(document: SignedDocument, publicKey: KeyObject): boolean {
  const algorithm = algorithmOf(document.algorithmOid);
  if (publicKey.asymmetricKeyType !== algorithm.keyType) return false;
  return verify(algorithm.digest, document.signed, publicKey, document.signature);
}

/**
 * The same of a document that brings its key along: false for one that has a key's form and is none, since nobody holds its other half. What was checked a
 * moment ago is not checked again.
 */
export function isSignedWith({ signed, algorithmOid, signature }: SignedDocument, publicKeyDer: Uint8Array): boolean {
  const { keyType, digest = null } = algorithmOf(algorithmOid);
  try {
    const checked = checkSignature({ publicKeyDer, digest, signed, signature });
    return checked.holds && checked.keyType === keyType;
  } catch {
    return false;
  }
}

function algorithmOf(algorithmOid: string): SignatureAlgorithm {
  const algorithm = ALGORITHMS.find(({ oid }) => oid === algorithmOid);
  if (!algorithm) throw derError('signature algorithm', `${algorithmOid} is not supported`);
  return algorithm;
}

/** The AlgorithmIdentifier of signatures with this key. Throws when the key's type is not supported. */
export function signatureAlgorithmOf(key: KeyObject): { algorithm: SignatureAlgorithm; identifier: Buffer } {
  const keyType = key.asymmetricKeyType;
  const digest = { prime256v1: 'sha256', secp384r1: 'sha384', secp521r1: 'sha512' }[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const wanted = keyType === 'ec' ? digest : keyType === 'rsa' ? 'sha256' : undefined;
  const algorithm = ALGORITHMS.find((a) => a.keyType === keyType && a.digest === wanted);
  if (!algorithm) {
    const name = [keyType, key.asymmetricKeyDetails?.namedCurve].filter(Boolean).join(' ');
    throw new CodedError(`keys of type ${name} cannot sign certificates here`, { code: 'KEY_UNSUPPORTED' });
  }
  // RFC 4055: RSA has a NULL for parameters; RFC 5758 and 8410: the others have none.
  const oid = der.objectIdentifier(algorithm.oid);
  return { algorithm, identifier: keyType === 'rsa' ? der.sequence(oid, der.nullValue()) : der.sequence(oid) };
}

const signInPool = promisify(
  (digest: string | undefined, data: Buffer, key: KeyObject, done: (e: Error | null, s: Buffer) => void) =>
    sign(digest, data, key, done),
);

/** Signs `signed` and puts the document together. RSA, which takes a millisecond, signs off the main thread. */
export async function writeSigned(signed: Buffer, key: KeyObject): Promise<Buffer> {
  const { algorithm, identifier } = signatureAlgorithmOf(key);
  const signature =
    algorithm.keyType === 'rsa' ? await signInPool(algorithm.digest, signed, key) : sign(algorithm.digest, signed, key);
  return der.sequence(signed, identifier, der.bitString(signature));
}
