import { type Certificate, parseCertificates } from '../../pki/certificate.ts';
import type { SeenCertificate } from '../observations.ts';

export function seenCertificate(where: string, certificate: Certificate): SeenCertificate {
  const { commonName, organizations, issuerCommonName, subjectDer, issuerDer } = certificate;
  return {
    where,
    subject: [`CN=${commonName}`, ...organizations.map((name) => `O=${name}`)].join(', '),
    issuer: `CN=${issuerCommonName}`,
    notBeforeMs: certificate.notBeforeMs,
    notAfterMs: certificate.notAfterMs,
    names: [...certificate.dnsNames, ...certificate.ipAddresses],
    isCa: certificate.isCa,
    selfSigned: subjectDer.equals(issuerDer) || isMadeByKubelet(commonName, issuerCommonName),
  };
}

/** Upstream's kubelet makes an authority first, which nobody else sees, and with it its certificate (client-go/util/cert): `n-ca@1`, `n@2`. */
function isMadeByKubelet(subject: string, issuer: string): boolean {
  const host = /^(.+)@\d+$/.exec(subject)?.[1];
  return host !== undefined && issuer.startsWith(`${host}-ca@`);
}

/** Every certificate of a PEM bundle. Throws when it cannot be read. */
export function seenInPem(where: string, pem: string | Uint8Array): SeenCertificate[] {
  const certificates = parseCertificates(pem);
  return certificates.map((certificate, i) =>
    seenCertificate(certificates.length > 1 ? `${where} [${i + 1}]` : where, certificate),
  );
}
