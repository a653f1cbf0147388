import { createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { CodedError } from '../std/coded-error.ts';
import { writeEllipticKey } from './der/elliptic-key.ts';
import { formatPem, parsePem } from './pem.ts';

export type KeyAlgorithm = 'ec-p256' | 'ec-p384' | 'rsa-2048' | 'rsa-4096' | 'ed25519';

export interface PrivateKey {
  readonly keyObject: KeyObject;
  /** SEC 1 for elliptic curves, PKCS#1 for RSA, PKCS#8 for Ed25519, as upstream writes them; a key that was read, as it was read. */
  readonly pem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyDer: Buffer;
}

const generateInPool = promisify(generateKeyPair);

/** A new key. ECDSA P-256 unless asked otherwise: RSA takes a hundred milliseconds and more. */
export async function generatePrivateKey(algorithm: KeyAlgorithm = 'ec-p256'): Promise<PrivateKey> {
  const { privateKey, publicKey } = await generate(algorithm);
  const elliptic = writeEllipticKey(privateKey);
  if (elliptic) return { keyObject: privateKey, pem: formatPem('EC PRIVATE KEY', elliptic.sec1), publicKeyDer: elliptic.spki };
  const type = privateKey.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'pkcs8';
  return {
    keyObject: privateKey,
    pem: privateKey.export({ type, format: 'pem' }).toString(),
    publicKeyDer: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

async function generate(algorithm: KeyAlgorithm): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  switch (algorithm) {
    // These take 30 µs, less than the way to the thread pool and back.
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa-2048':
      return generateInPool('rsa', { modulusLength: 2048 });
    case 'rsa-4096':
      return generateInPool('rsa', { modulusLength: 4096 });
    default:
      throw new CodedError(`key algorithm "${algorithm}" is not supported`, { code: 'KEY_UNSUPPORTED' });
  }
}

const LABELS = ['EC PRIVATE KEY', 'RSA PRIVATE KEY', 'PRIVATE KEY'];

/**
 * Reads the first private key of a PEM document, which may hold certificates too. Throws a CodedError: no key, an encrypted
 * one, one that cannot be read, or a type that Kubernetes does not use.
 */
export function parsePrivateKey(pem: string | Uint8Array): PrivateKey {
  const { blocks } = parsePem(pem);
  const block = blocks.find(({ label }) => LABELS.includes(label));
  if (block?.headers['Proc-Type']?.includes('ENCRYPTED') || (!block && blocks.some((b) => b.label === 'ENCRYPTED PRIVATE KEY'))) {
    throw new CodedError('the private key is encrypted; keys are read without a passphrase', { code: 'KEY_ENCRYPTED' });
  }
  if (!block) {
    const found = blocks.map(({ label }) => label).join(', ') || 'no PEM block';
    throw new CodedError(`no private key found (${found})`, { code: 'KEY_MISSING' });
  }
  const ownPem = formatPem(block.label, block.der);
  try {
    const keyObject = createPrivateKey(ownPem);
    const type = keyObject.asymmetricKeyType;
    if (type !== 'ec' && type !== 'rsa' && type !== 'ed25519') throw new Error(`keys of type ${type} are not supported`);
    const publicKeyDer = writeEllipticKey(keyObject)?.spki ?? createPublicKey(keyObject).export({ type: 'spki', format: 'der' });
    return { keyObject, pem: ownPem, publicKeyDer };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CodedError(`the private key cannot be read: ${why}`, { code: 'KEY_MALFORMED', cause });
  }
}
