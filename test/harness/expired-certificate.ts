import { openAuthority } from '../../src/pki/authority.ts';
import { parseCertificates } from '../../src/pki/certificate.ts';

const DAY_MS = 86_400_000;

/**
 * A kubelet's certificate with its key as it is after 14 months without power: the same, by the same authority, of a year that is over.
 * @param pem certificate and key in one file, as kubelets keep them
 */
export async function expired(pem: string, authority: { readonly certificatePem: string; readonly privateKeyPem: string }) {
  const { commonName, organizations, dnsNames, ipAddresses, usages, publicKeyDer } = parseCertificates(pem)[0]!;
  const nowMs = Date.now();
  const { issue } = openAuthority(authority.certificatePem, authority.privateKeyPem);
  const certificate = await issue({
    ...{ commonName, organizations, dnsNames, ipAddresses, usages, publicKeyDer },
    ...{ notBeforeMs: nowMs - 425 * DAY_MS, notAfterMs: nowMs - 60 * DAY_MS },
  });
  return certificate + pem.slice(pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/));
}
