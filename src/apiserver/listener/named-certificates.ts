import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { CertificatePair } from '../configuration.ts';

/** A certificate for clients that ask for certain names (`--tls-sni-cert-key`). */
export interface NamedCertificate {
  readonly pair: CertificatePair;
  /** `foo.example.com` or `*.example.com`. Empty: those that the certificate speaks of itself. */
  readonly names: readonly string[];
}

/**
 * By name in lower case. Names that were given go before those that certificates speak of; of two for one name the one that was given
 * first counts (apiserver/pkg/server/dynamiccertificates/named_certificates.go).
 */
export function contextsByName(
  certificates: readonly NamedCertificate[],
  contextFor: (pair: CertificatePair) => SecureContext,
): ReadonlyMap<string, SecureContext> {
  const contexts = new Map<string, SecureContext>();
  const rank = ({ names }: NamedCertificate) => (names.length ? 0 : 1);
  for (const { pair, names } of certificates.toSorted((a, b) => rank(a) - rank(b))) {
    const context = contextFor(pair);
    for (const name of names.length ? names : namesIn(pair.certificatePem))
      if (!contexts.has(name.toLowerCase())) contexts.set(name.toLowerCase(), context);
  }
  return contexts;
}

/** For the name that a client asks for, or for all names beside it. */
export function contextOf(contexts: ReadonlyMap<string, SecureContext>, asked: string): SecureContext | undefined {
  const name = asked.toLowerCase().replace(/\.$/, '');
  return contexts.get(name) ?? contexts.get(name.replace(/^[^.]*/, '*'));
}

/** The certificate's common name, if it is one of DNS, and alternative names. */
function namesIn(certificatePem: string): readonly string[] {
  const { subject, subjectAltName = '' } = new X509Certificate(certificatePem);
  const alternatives = [...subjectAltName.matchAll(/(?:^|, )DNS:([^,]+)/g)].map(([, name]) => name!);
  const [, commonName] = /^CN=(.+)$/m.exec(subject) ?? [];
  const named = commonName !== undefined && /^(?:\*\.)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/i.test(commonName);
  return named && isIP(commonName) === 0 ? [commonName, ...alternatives] : alternatives;
}
