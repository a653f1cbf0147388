import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { CertificatePair } from '../configuration.ts';

/**
 * A certificate and key that are read again each time they are asked for. While they do not belong together, since one of the files is
 * not written yet, or cannot be read, what was good before goes on.
 */
export function lastGoodPair(read: () => CertificatePair): () => CertificatePair {
  let last = read();
  return () => {
    const next = readOrNone(read);
    const same = next?.certificatePem === last.certificatePem && next.privateKeyPem === last.privateKeyPem;
    if (next && !same && belongTogether(next)) last = next;
    return last;
  };
}

function readOrNone(read: () => CertificatePair): CertificatePair | undefined {
  try {
    return read();
  } catch {
    return undefined; // gone for now
  }
}

function belongTogether({ certificatePem, privateKeyPem }: CertificatePair): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(privateKeyPem));
  } catch {
    return false; // half a file
  }
}
