/** Checks that a certificate request is one and is signed by the key in it (RFC 2986), as the API server must before it keeps it. */
import { checkSignature } from '../../../std/signature-check.ts';
import { decodePem } from '../../machinery/pem.ts';

/** OIDs of signature algorithms, in hexadecimal DER, and their digests (null: the algorithm has its own). */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d010105': 'sha1',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OID = 0x06;

/** One DER element: where its content and the whole of it lie. */
interface Element {
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

class Malformed extends Error {}

function readElement(der: Buffer, offset: number, limit: number, tag: number): Element {
  if (offset + 2 > limit || der[offset] !== tag) throw new Malformed("asn1: structure error: tags don't match");
  let length = der[offset + 1]!;
  let contentStart = offset + 2;
  if (length & 0x80) {
    const bytes = length & 0x7f;
    if (bytes === 0 || bytes > 4 || contentStart + bytes > limit) throw new Malformed('asn1: syntax error: length too large');
    length = der.readUIntBE(contentStart, bytes);
    contentStart += bytes;
  }
  const end = contentStart + length;
  if (end > limit) throw new Malformed('asn1: syntax error: data truncated');
  return { start: offset, contentStart, end };
}

/** What is wrong with the request (base64 of PEM, as `spec.request` holds it), or undefined when nothing is. */
export function requestComplaint(base64: string): string | undefined {
  const block = decodePem(Buffer.from(base64, 'base64').toString('latin1'))[0];
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    return signatureComplaint(block.der);
  } catch (error) {
    // Whatever a stranger's bytes make the parser or OpenSSL say is the answer to the stranger.
    return error instanceof Error ? error.message : String(error);
  }
}

function signatureComplaint(der: Buffer): string | undefined {
  const request = readElement(der, 0, der.length, SEQUENCE);
  if (request.end !== der.length) return 'asn1: syntax error: trailing data';
  const info = readElement(der, request.contentStart, request.end, SEQUENCE);
  const algorithm = readElement(der, info.end, request.end, SEQUENCE);
  const signature = readElement(der, algorithm.end, request.end, BIT_STRING);
  if (signature.end !== request.end) return 'asn1: syntax error: trailing data';

  const version = readElement(der, info.contentStart, info.end, INTEGER);
  const subject = readElement(der, version.end, info.end, SEQUENCE);
  const publicKey = readElement(der, subject.end, info.end, SEQUENCE);
  const oid = readElement(der, algorithm.contentStart, algorithm.end, OID);
  const name = der.toString('hex', oid.contentStart, oid.end);
  const digest = Object.hasOwn(DIGESTS, name) ? DIGESTS[name] : undefined;
  if (digest === undefined) return 'x509: cannot verify signature: algorithm unimplemented';

  const { holds } = checkSignature({
    publicKeyDer: der.subarray(publicKey.start, publicKey.end),
    digest,
    signed: der.subarray(info.start, info.end),
    // The first byte of a bit string's content counts unused bits.
    signature: der.subarray(signature.contentStart + 1, signature.end),
  });
  return holds ? undefined : 'x509: signature verification failure';
}
