import { type KeyObject, randomBytes } from 'node:crypto';
import { CodedError } from '../std/coded-error.ts';
import { type AlternativeNames, writeAlternativeNames } from './der/alternative-names.ts';
import { contextTag } from './der/der-reader.ts';
import * as der from './der/der-writer.ts';
import { writeName } from './der/distinguished-name.ts';
import { type Extension, writeExtensions } from './der/extensions.ts';
import { Oid } from './der/object-identifiers.ts';
import { checkPublicKey, keyIdentifier } from './der/public-key.ts';
import { signatureAlgorithmOf, writeSigned } from './der/signature.ts';
import { usageExtensions } from './key-usages.ts';

/** What a certificate is to say. */
export interface CertificateContent extends Partial<AlternativeNames> {
  readonly publicKeyDer: Uint8Array;
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** The encoded subject, where it must be a request's own; then common name and organizations are only what it says too. */
  readonly subjectDer?: Uint8Array;
  /** Kubernetes' words: `digital signature`, `server auth`, … */
  readonly usages: readonly string[];
  /** Cut to whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isCa?: boolean;
}

/** Who signs: the encoded subject and key identifier of its certificate, and its key. */
export interface Issuer {
  readonly subjectDer: Buffer;
  readonly keyIdentifier: Buffer | undefined;
  readonly key: KeyObject;
}

/** Makes a certificate, version 3, with a random serial number of 128 bits. Returns DER. */
export async function writeCertificate(content: CertificateContent, issuer: Issuer | KeyObject): Promise<Buffer> {
  checkPublicKey(content.publicKeyDer);
  if (!(Math.floor(content.notAfterMs / 1000) > Math.floor(content.notBeforeMs / 1000))) {
    throw new CodedError(
      `a certificate from ${formatMs(content.notBeforeMs)} to ${formatMs(content.notAfterMs)} would never be valid`,
      { code: 'CERTIFICATE_VALIDITY' },
    );
  }
  const ownIdentifier = keyIdentifier(content.publicKeyDer);
  const subject = content.subjectDer ? Buffer.from(content.subjectDer) : writeName(content);
  const {
    subjectDer,
    keyIdentifier: issuerIdentifier,
    key,
  } = 'subjectDer' in issuer ? issuer : { subjectDer: subject, keyIdentifier: ownIdentifier, key: issuer };
  const isEmpty = !content.commonName && !content.organizations?.length;
  const signed = der.sequence(
    der.element(contextTag(0, true), der.integer(2)),
    der.integer(randomSerial()),
    signatureAlgorithmOf(key).identifier,
    subjectDer,
    der.sequence(der.time(content.notBeforeMs), der.time(content.notAfterMs)),
    subject,
    content.publicKeyDer,
    der.element(contextTag(3, true), writeExtensions(extensionsOf(content, ownIdentifier, issuerIdentifier, isEmpty))),
  );
  return writeSigned(signed, key);
}

function extensionsOf(
  content: CertificateContent,
  ownIdentifier: Buffer,
  issuerIdentifier: Buffer | undefined,
  isSubjectEmpty: boolean,
): (Extension | undefined)[] {
  const names = writeAlternativeNames(content);
  return [
    ...usageExtensions(content.usages),
    { oid: Oid.basicConstraints, critical: true, value: content.isCa ? der.sequence(der.boolean(true)) : der.sequence() },
    { oid: Oid.subjectKeyIdentifier, critical: false, value: der.octetString(ownIdentifier) },
    issuerIdentifier && {
      oid: Oid.authorityKeyIdentifier,
      critical: false,
      value: der.sequence(der.element(contextTag(0, false), issuerIdentifier)),
    },
    // RFC 5280, 4.2.1.6: critical when it alone says who the subject is.
    names && { oid: Oid.subjectAltName, critical: isSubjectEmpty, value: names },
  ];
}

function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0]! |= 1 << 6; // never zero, and always of the same length
  serial[0]! &= 0x7f;
  return serial;
}

function formatMs(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms);
}
