import { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as never);
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Pair {
  readonly certificate: string;
  readonly key: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** Without key identifiers, as OpenSSL's command line and old programs make them. */
async function make(subject: string, issuer: string, by: Pair | undefined, extensions: x509.Extension[]): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    ...{ subject, issuer, signingAlgorithm: ALGORITHM, extensions },
    ...{ publicKey: keys.publicKey, signingKey: (by?.keys ?? keys).privateKey },
    ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) },
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----`;
  return { certificate: certificate.toString('pem'), key, keys };
}

/** Authorities of one name, each with a key of its own. */
export const authority = () => make('CN=kubernetes', 'CN=kubernetes', undefined, [new x509.BasicConstraintsExtension(true)]);
/** A certificate that this authority vouches for, without a key identifier that would say which one it was. */
export const issue = (by: Pair, address?: string) =>
  make('CN=me', 'CN=kubernetes', by, address ? [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: address }])] : []);
