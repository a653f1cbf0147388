import { type Clock, systemClock } from '../std/clock.ts';
import { type Certificate, parseCertificateDer, parseCertificates } from './certificate.ts';

/** Says why a certificate that was presented does not hold, in OpenSSL's words for it; undefined when it holds. */
export type CertificateJudge = (der: Uint8Array) => CertificateComplaint | undefined;

export type CertificateComplaint =
  | 'CERT_HAS_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'CERT_SIGNATURE_FAILURE'
  | 'INVALID_PURPOSE'
  | 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';

/**
 * OpenSSL judges dates by the machine's time and by no other. Where a part of a cluster was given another clock, this judges in its stead:
 * issuer, signature, purpose, and the dates of certificate and authority by that clock. Only what an authority issued itself is accepted, no
 * chains: stricter than OpenSSL, never laxer.
 *
 * @param usage what the certificate must be for, where it says what it is for
 * @returns undefined for the machine's own clock: OpenSSL's judgement is the one that counts then
 */
export function judgeByClock(options: {
  readonly authoritiesPem: string;
  readonly usage: 'client auth' | 'server auth';
  readonly clock: Pick<Clock, 'now'>;
}): CertificateJudge | undefined {
  const { authoritiesPem, usage, clock } = options;
  if (clock === systemClock) return undefined;
  const authorities = parseCertificates(authoritiesPem).filter(({ isCa, version }) => isCa || version === 1);
  return (der) => {
    const leaf = parseCertificateDer(Buffer.from(der));
    const named = authorities.filter(({ subjectDer }) => subjectDer.equals(leaf.issuerDer));
    if (named.length === 0) return 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY';
    const issuers = named.filter((authority) => leaf.isSignedBy(authority));
    if (issuers.length === 0) return 'CERT_SIGNATURE_FAILURE';
    if (leaf.usages.some((use) => use.endsWith(' auth')) && !leaf.usages.includes(usage)) return 'INVALID_PURPOSE';
    const nowMs = clock.now();
    const late = datesComplaint(leaf, nowMs);
    if (late) return late;
    const complaints = issuers.map((issuer) => datesComplaint(issuer, nowMs));
    return complaints.includes(undefined) ? undefined : complaints[0];
  };
}

function datesComplaint({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): CertificateComplaint | undefined {
  if (nowMs > notAfterMs) return 'CERT_HAS_EXPIRED';
  return nowMs < notBeforeMs ? 'CERT_NOT_YET_VALID' : undefined;
}
