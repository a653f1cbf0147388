import type { KeyObject } from 'node:crypto';
import { CodedError } from '../std/coded-error.ts';
import { type AlternativeNames, readAlternativeNames } from './der/alternative-names.ts';
import { contextTag, DerReader, derError, Tag } from './der/der-reader.ts';
import { booleanValue, smallInteger, time, unsignedInteger } from './der/der-values.ts';
import { readName } from './der/distinguished-name.ts';
import { type Extension, readExtensions } from './der/extensions.ts';
import { Oid } from './der/object-identifiers.ts';
import { openPublicKey } from './der/public-key.ts';
import { readAlgorithm, readSigned, verifySigned } from './der/signature.ts';
import { readUsages } from './key-usages.ts';
import { formatPem, parsePem } from './pem.ts';

const WHAT = 'certificate';

/** What a certificate says (X.509 version 3, RFC 5280). Reading one checks its form, not whether anybody should trust it. */
export interface Certificate extends AlternativeNames {
  readonly pem: string;
  readonly der: Buffer;
  readonly version: number;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly organizationalUnits: readonly string[];
  readonly notBeforeMs: number;
  /** The last moment at which it is valid. */
  readonly notAfterMs: number;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  readonly issuerCommonName: string;
  /** Encoded names, for chains. */
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  readonly publicKeyDer: Buffer;
  /** The key to verify with, opened once. Throws a CodedError for one that is not supported. */
  openKey(): KeyObject;
  readonly subjectKeyIdentifier: Buffer | undefined;
  /** In the words of certificates.k8s.io. */
  readonly usages: readonly string[];
  readonly isCa: boolean;
  /** How many more authorities may stand between this one and a leaf; undefined: any number. */
  readonly pathLength: number | undefined;
  /** Critical extensions that are not read here, and name constraints: what they forbid is not known. */
  readonly unheededExtensions: readonly string[];
  /** Whether `issuer`'s key signed it. */
  isSignedBy(issuer: Pick<Certificate, 'openKey'>): boolean;
}

/** Every certificate of a PEM document, in order; other blocks are passed over. Throws a CodedError when there is none. */
export function parseCertificates(pem: string | Uint8Array): Certificate[] {
  const blocks = parsePem(pem).blocks.filter(({ label }) => label === 'CERTIFICATE');
  if (blocks.length === 0) throw new CodedError('no certificate found in PEM', { code: 'CERTIFICATE_MISSING' });
  return blocks.map(({ der }) => parseCertificateDer(der));
}

/** Reads one certificate. Throws a CodedError (DER_MALFORMED) that names the part that is wrong. */
export function parseCertificateDer(bytes: Buffer): Certificate {
  const document = readSigned(bytes, WHAT);
  const reader = new DerReader(document.signed, WHAT).enter(Tag.sequence);
  const versionField = reader.readOptional(contextTag(0, true), `${WHAT} version`);
  const version = versionField ? readVersion(versionField.content) : 1;
  const serial = reader.read(Tag.integer, 'serial number').content;
  const algorithmOid = readAlgorithm(reader, `${WHAT} signature algorithm`);
  if (algorithmOid !== document.algorithmOid) throw derError(WHAT, 'names two different signature algorithms');
  const issuer = readNameAndBytes(reader, 'issuer');
  const validity = reader.enter(Tag.sequence, 'validity');
  const notBeforeMs = time(validity.readAny('notBefore'), 'notBefore');
  const notAfterMs = time(validity.readAny('notAfter'), 'notAfter');
  validity.end();
  const subject = readNameAndBytes(reader, 'subject');
  const publicKeyDer = reader.read(Tag.sequence, 'public key').raw;
  reader.readOptional(contextTag(1, false));
  reader.readOptional(contextTag(2, false));
  const extensionsField = reader.readOptional(contextTag(3, true), 'extensions');
  reader.end();
  const extensions = extensionsField ? readWrappedExtensions(extensionsField.content) : new Map<string, Extension>();
  const names = extensions.get(Oid.subjectAltName);
  let key: KeyObject | undefined;
  return {
    get pem() {
      return formatPem('CERTIFICATE', bytes);
    },
    der: bytes,
    version,
    commonName: subject.name.commonName,
    organizations: subject.name.organizations,
    organizationalUnits: subject.name.organizationalUnits,
    ...(names ? readAlternativeNames(names.value, 'ignore') : { dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [] }),
    notBeforeMs,
    notAfterMs,
    serial: serial.toString('hex'),
    issuerCommonName: issuer.name.commonName,
    subjectDer: subject.raw,
    issuerDer: issuer.raw,
    publicKeyDer,
    openKey() {
      key ??= openPublicKey(publicKeyDer);
      return key;
    },
    subjectKeyIdentifier: readKeyIdentifier(extensions),
    usages: readUsages(extensions),
    ...readBasicConstraints(extensions),
    unheededExtensions: [...extensions.values()]
      .filter(({ oid, critical }) => oid === Oid.nameConstraints || (critical && !HEEDED.has(oid)))
      .map(({ oid }) => oid),
    isSignedBy: (issuer) => verifySigned(document, issuer.openKey()),
  };
}

function readVersion(content: Buffer): number {
  const reader = new DerReader(content, `${WHAT} version`);
  const version = smallInteger(reader.read(Tag.integer), reader.what) + 1;
  reader.end();
  if (version > 3) throw derError(reader.what, `is ${version}; 3 is the highest`);
  return version;
}

function readNameAndBytes(reader: DerReader, what: string) {
  const raw = reader.read(Tag.sequence, what).raw;
  return { raw, name: readName(new DerReader(raw, what), what) };
}

function readWrappedExtensions(content: Buffer): Map<string, Extension> {
  const reader = new DerReader(content, 'extensions');
  const extensions = readExtensions(reader, 'extensions');
  reader.end();
  return extensions;
}

function readKeyIdentifier(extensions: ReadonlyMap<string, Extension>): Buffer | undefined {
  const extension = extensions.get(Oid.subjectKeyIdentifier);
  if (!extension) return undefined;
  const reader = new DerReader(extension.value, 'subject key identifier');
  const { content } = reader.read(Tag.octetString);
  reader.end();
  return content;
}

const HEEDED: ReadonlySet<string> = new Set([
  Oid.basicConstraints,
  Oid.keyUsage,
  Oid.extendedKeyUsage,
  Oid.subjectAltName,
  Oid.subjectKeyIdentifier,
  Oid.authorityKeyIdentifier,
]);

function readBasicConstraints(extensions: ReadonlyMap<string, Extension>): Pick<Certificate, 'isCa' | 'pathLength'> {
  const extension = extensions.get(Oid.basicConstraints);
  if (!extension) return { isCa: false, pathLength: undefined };
  const outer = new DerReader(extension.value, 'basic constraints');
  const reader = outer.enter(Tag.sequence);
  outer.end();
  const flag = reader.readOptional(Tag.boolean);
  const length = reader.readOptional(Tag.integer);
  const pathLength = length && Number(`0x${unsignedInteger(length, outer.what).toString('hex')}`);
  reader.end();
  return { isCa: flag !== undefined && booleanValue(flag, outer.what), pathLength };
}
