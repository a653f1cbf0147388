import type { KeyObject } from 'node:crypto';
import { contextTag } from './der-reader.ts';
import * as der from './der-writer.ts';
import { Oid } from './object-identifiers.ts';

const CURVES: ReadonlyMap<string | undefined, string> = new Map([
  ['P-256', Oid.secp256r1],
  ['P-384', Oid.secp384r1],
]);

export interface EllipticKeyDer {
  /** ECPrivateKey (RFC 5915) with curve and public key, as OpenSSL and Go write it. */
  readonly sec1: Buffer;
  /** SubjectPublicKeyInfo (RFC 5480). */
  readonly spki: Buffer;
}

/**
 * The encodings of a private key on P-256 or P-384; undefined for any other key. Written here from its numbers: OpenSSL's own encoders take
 * several times as long as the making of the key.
 */
export function writeEllipticKey(privateKey: KeyObject): EllipticKeyDer | undefined {
  if (privateKey.asymmetricKeyType !== 'ec') return undefined;
  const { crv, d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' });
  const curve = CURVES.get(crv);
  if (curve === undefined) return undefined;
  const curveOid = der.objectIdentifier(curve);
  // Numbers of a JWK have the full length of their curve (RFC 7518, 6.2).
  const number = (text: string) => Buffer.from(text, 'base64url');
  const point = der.bitString(Buffer.concat([Buffer.from([4]), number(x), number(y)]));
  return {
    sec1: der.sequence(
      der.integer(1),
      der.octetString(number(d)),
      der.element(contextTag(0, true), curveOid),
      der.element(contextTag(1, true), point),
    ),
    spki: der.sequence(der.sequence(der.objectIdentifier(Oid.ecPublicKey), curveOid), point),
  };
}
