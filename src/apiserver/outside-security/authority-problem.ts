import { X509Certificate } from 'node:crypto';

const BLOCK =
  /^-----BEGIN ([^\n]*?)-----[\t ]*\r?\n((?:[A-Za-z0-9+/=\r\n\t ]|(?<!-)-(?!-----))*?)\r?\n?^-----END \1-----[\t ]*\r?$/gm;

/** What is wrong with an authority's PEM text, in the words of client-go's cert package; undefined when certificates can be read from it. */
export function authorityProblem(pem: string): string | undefined {
  let found = false;
  for (const [, label, base64 = ''] of pem.matchAll(BLOCK)) {
    const text = base64.replace(/\s/g, '');
    // What is no base64, and what has headers, is no block to Go's reader of certificates.
    if (label !== 'CERTIFICATE' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) continue;
    try {
      new X509Certificate(Buffer.from(text, 'base64'));
    } catch {
      return 'x509: malformed certificate';
    }
    found = true;
  }
  return found ? undefined : 'data does not contain any valid RSA or ECDSA certificates';
}
