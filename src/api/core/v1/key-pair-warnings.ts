/** What is said of a Secret whose certificate and key do not go together (crypto/tls X509KeyPair, registry/core/secret/strategy.go). */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { V1Secret } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { decodePem, type PemBlock } from '../../machinery/pem.ts';

/** Nothing of the key is ever shown. */
export function secretWarnings(object: DynamicObject): string[] {
  const { type, data } = object as V1Secret;
  if (type !== 'kubernetes.io/tls') return [];
  const blocks = (key: string) => decodePem(Buffer.from(data?.[key] ?? '', 'base64').toString('latin1'));
  const complaint = keyPairComplaint(blocks('tls.crt'), blocks('tls.key'));
  return complaint === undefined ? [] : [`tls: ${complaint}`];
}

const isKey = ({ type }: PemBlock) => type === 'PRIVATE KEY' || type.endsWith(' PRIVATE KEY');
const typesOf = (blocks: readonly PemBlock[]) => `[${blocks.map(({ type }) => type).join(' ')}]`;

function keyPairComplaint(certificates: readonly PemBlock[], keys: readonly PemBlock[]): string | undefined {
  const first = certificates.find(({ type }) => type === 'CERTIFICATE');
  if (!first) return missingCertificate(certificates);
  const found = keys.find(isKey);
  if (!found) return missingKey(keys);
  const certificate = parsed(() => new X509Certificate(first.der));
  if (!certificate) return 'failed to parse certificate';
  const key = parseKey(found.der);
  if (!key) return 'failed to parse private key';
  const { asymmetricKeyType: kind } = certificate.publicKey;
  if (kind !== 'rsa' && kind !== 'ec' && kind !== 'ed25519') return 'unknown public key algorithm';
  if (key.asymmetricKeyType !== kind) return 'private key type does not match public key type';
  return certificate.checkPrivateKey(key) ? undefined : 'private key does not match public key';
}

function missingCertificate(blocks: readonly PemBlock[]): string {
  const [only, ...others] = blocks;
  if (!only) return 'failed to find any PEM data in certificate input';
  if (!others.length && only.type.endsWith('PRIVATE KEY'))
    return 'failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched';
  return `failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: ${typesOf(blocks)}`;
}

function missingKey(blocks: readonly PemBlock[]): string {
  const [only, ...others] = blocks;
  if (!only) return 'failed to find any PEM data in key input';
  if (!others.length && only.type === 'CERTIFICATE')
    return 'found a certificate rather than a key in the PEM for the private key';
  return `failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: ${typesOf(blocks)}`;
}

/** In any of the forms that keys have; the block's type does not say which. */
function parseKey(der: Buffer): KeyObject | undefined {
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    const key = parsed(() => createPrivateKey({ key: der, format: 'der', type }));
    if (key) return key;
  }
  return undefined;
}

/** That it cannot be read is all that is told: what OpenSSL says about it is not what Go does. */
function parsed<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
