import type { V1CertificateSigningRequest } from '../api/gen/types.ts';
import { type Certificate, parseCertificates } from '../pki/certificate.ts';
import { type CertificateRequest, parseSpecRequest } from '../pki/certificate-request.ts';

/** Signers date certificates back a little, for clocks that are behind. */
const BACKDATING_MS = 15 * 60_000;

/** In what a certificate differs from the request that was approved; undefined when it says what was asked. */
export function differsFromRequest(csr: V1CertificateSigningRequest, maxLifetimeMs: number): string | undefined {
  let certificate: Certificate | undefined;
  let request: CertificateRequest;
  try {
    // Whoever may approve may use our reason for what we would never have approved.
    request = parseSpecRequest(csr.spec.request);
    certificate = parseCertificates(Buffer.from(csr.status?.certificate ?? '', 'base64'))[0];
  } catch (error) {
    return `it or its request cannot be read: ${(error as Error).message}`;
  }
  if (!certificate) return 'it is empty';
  if (certificate.commonName !== request.commonName) return `its common name is ${JSON.stringify(certificate.commonName)}`;
  if (!same(certificate.organizations, request.organizations))
    return `its organizations are ${JSON.stringify(certificate.organizations)}`;
  if (!certificate.publicKeyDer.equals(request.publicKeyDer)) return 'its key is another one';
  if (!same(certificate.dnsNames, request.dnsNames)) return `its DNS names are ${JSON.stringify(certificate.dnsNames)}`;
  if (!same(certificate.ipAddresses, request.ipAddresses)) return `its addresses are ${JSON.stringify(certificate.ipAddresses)}`;
  if (certificate.isCa) return 'it is an authority';
  const usages: readonly string[] = csr.spec.usages ?? [];
  const foreign = certificate.usages.find((usage) => !usages.includes(usage));
  if (foreign !== undefined) return `it may be used for ${foreign}`;
  const lifetimeMs = certificate.notAfterMs - certificate.notBeforeMs;
  return lifetimeMs > maxLifetimeMs + BACKDATING_MS ? `it lives for ${Math.round(lifetimeMs / 3_600_000)} h` : undefined;
}

const same = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && new Set([...a, ...b]).size === new Set(a).size;
