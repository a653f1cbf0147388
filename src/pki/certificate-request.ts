import { CodedError } from '../std/coded-error.ts';
import { type AlternativeNames, readAlternativeNames, writeAlternativeNames } from './der/alternative-names.ts';
import { contextTag, DerReader, derError, Tag } from './der/der-reader.ts';
import { objectIdentifier, smallInteger } from './der/der-values.ts';
import * as der from './der/der-writer.ts';
import { readName, writeName } from './der/distinguished-name.ts';
import { type Extension, readExtensions, writeExtensions } from './der/extensions.ts';
import { Oid } from './der/object-identifiers.ts';
import { checkPublicKey } from './der/public-key.ts';
import { isSignedWith, readSigned, writeSigned } from './der/signature.ts';
import { readUsages } from './key-usages.ts';
import type { PrivateKey } from './keys.ts';
import { formatPem, parsePem } from './pem.ts';

const WHAT = 'certificate request';
const LABEL = 'CERTIFICATE REQUEST';
/** Room for thousands of names. */
export const MAX_REQUEST_BYTES = 256 * 1024;

export interface CertificateRequestOptions extends Partial<AlternativeNames> {
  key: PrivateKey;
  commonName: string;
  organizations?: readonly string[];
}

/** A request for the key's public half, signed by it (PKCS#10, RFC 2986), in PEM. */
export async function createCertificateRequest(options: CertificateRequestOptions): Promise<string> {
  const names = writeAlternativeNames(options);
  const extensions = names && writeExtensions([{ oid: Oid.subjectAltName, critical: false, value: names }]);
  const attributes = extensions ? [der.sequence(der.objectIdentifier(Oid.extensionRequest), der.setOf([extensions]))] : [];
  const information = der.sequence(
    der.integer(0),
    writeName(options),
    options.key.publicKeyDer,
    der.element(contextTag(0, true), ...attributes),
  );
  return formatPem(LABEL, await writeSigned(information, options.key.keyObject));
}

/** What a request asks for. Nothing of it is to be believed before `verifySignature`, and even then only the key. */
export interface CertificateRequest extends AlternativeNames {
  /** The whole subject as it was asked for, so that a certificate can say the same to the letter. */
  readonly subjectDer: Buffer;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly organizationalUnits: readonly string[];
  /** `2.5.4.6=DE` for each attribute of the subject besides. */
  readonly otherSubjectAttributes: readonly string[];
  /** SubjectPublicKeyInfo of a supported algorithm and size. */
  readonly publicKeyDer: Buffer;
  /** Every extension that is asked for, in dotted decimal, and every attribute that only some signers take for a list of them. */
  readonly extensionOids: readonly string[];
  /** Usages asked for by extension, in the words of certificates.k8s.io. */
  readonly usages: readonly string[];
  /** Names of headers in its PEM block (RFC 1421), which upstream passes over. */
  readonly pemHeaders: readonly string[];
  /** Whether it was made by the holder of the private key. */
  verifySignature(): Promise<boolean>;
}

/**
 * Reads one request in PEM. Throws a CodedError that names what is wrong: REQUEST_NOT_PEM, REQUEST_WRONG_TYPE,
 * REQUEST_TRAILING_DATA, PEM_TOO_LARGE, PEM_MALFORMED, DER_MALFORMED.
 */
export function parseCertificateRequest(pem: string | Uint8Array): CertificateRequest {
  const { blocks, trailing } = parsePem(pem, MAX_REQUEST_BYTES);
  const block = blocks[0];
  if (!block) throw new CodedError(`${WHAT} is not PEM`, { code: 'REQUEST_NOT_PEM' });
  // Upstream's words (pkg/apis/certificates/v1/helpers.go); what OpenSSL once called NEW CERTIFICATE REQUEST is refused there too.
  if (block.label !== LABEL) {
    throw new CodedError(`PEM block type must be ${LABEL}, not ${block.label}`, { code: 'REQUEST_WRONG_TYPE' });
  }
  if (blocks.length > 1 || trailing) {
    throw new CodedError(`${WHAT} has trailing data after its PEM block`, { code: 'REQUEST_TRAILING_DATA' });
  }
  return readRequest(block.der, Object.keys(block.headers));
}

/** Those read last, by their text. What a request says, and whether its signature holds, follow from its bytes alone. */
const readLast = new Map<string, CertificateRequest>();
const MOST_KEPT = 256;
const MOST_KEPT_LENGTH = 8 * 1024;

/**
 * Reads a request as `spec.request` of a CertificateSigningRequest holds it: base64 of PEM. Admission, approver, signer and kubelet of one process
 * read each of them half a dozen times, one soon after the other; only the first reads and verifies. Throws as `parseCertificateRequest` does.
 */
export function parseSpecRequest(base64: string): CertificateRequest {
  const known = readLast.get(base64);
  if (known) return known;
  const request = parseCertificateRequest(Buffer.from(base64, 'base64'));
  if (base64.length > MOST_KEPT_LENGTH) return request;
  if (readLast.size >= MOST_KEPT) readLast.delete(readLast.keys().next().value!);
  readLast.set(base64, request);
  return request;
}

function readRequest(bytes: Buffer, pemHeaders: readonly string[]): CertificateRequest {
  const document = readSigned(bytes, WHAT);
  const reader = new DerReader(document.signed, WHAT).enter(Tag.sequence);
  const version = smallInteger(reader.read(Tag.integer, `${WHAT} version`), `${WHAT} version`);
  if (version !== 0) throw derError(`${WHAT} version`, `is ${version + 1}; only 1 exists`);
  const subjectElement = reader.read(Tag.sequence, 'subject');
  const subject = readName(new DerReader(subjectElement.raw, 'subject'), 'subject');
  const publicKeyDer = reader.read(Tag.sequence, 'public key').raw;
  checkPublicKey(publicKeyDer);
  const attributes = reader.readOptional(contextTag(0, true), `${WHAT} attributes`);
  reader.end();
  const { extensions, others } = readRequestedExtensions(attributes?.content ?? Buffer.alloc(0));
  const names = extensions.get(Oid.subjectAltName);
  let holds: boolean | undefined;
  return {
    subjectDer: subjectElement.raw,
    commonName: subject.commonName,
    organizations: subject.organizations,
    organizationalUnits: subject.organizationalUnits,
    otherSubjectAttributes: subject.otherAttributes,
    ...(names ? readAlternativeNames(names.value, 'refuse') : { dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [] }),
    publicKeyDer,
    extensionOids: [...extensions.keys(), ...others],
    usages: readUsages(extensions),
    pemHeaders,
    verifySignature: async () => {
      holds ??= isSignedWith(document, publicKeyDer);
      return holds;
    },
  };
}

interface Requested {
  readonly extensions: ReadonlyMap<string, Extension>;
  /** Attributes that some signers take for extensions: OpenSSL reads Microsoft's, Go does not. */
  readonly others: readonly string[];
}

/** The extensions of the extensionRequest attribute (RFC 2985, 5.4.2); other attributes, such as a challenge, ask for nothing. */
function readRequestedExtensions(content: Buffer): Requested {
  const attributes = new DerReader(content, `${WHAT} attributes`);
  const others: string[] = [];
  let extensions: Map<string, Extension> | undefined;
  while (!attributes.atEnd) {
    const attribute = attributes.enter(Tag.sequence);
    const type = objectIdentifier(attribute.read(Tag.oid), attributes.what);
    const values = attribute.enter(Tag.set);
    attribute.end();
    if (type === Oid.microsoftExtensionRequest) others.push(type);
    if (type !== Oid.extensionRequest) continue;
    if (extensions) throw derError(attributes.what, 'ask for extensions twice');
    extensions = readExtensions(values, `${WHAT} extensions`);
    values.end();
  }
  return { extensions: extensions ?? new Map(), others };
}
