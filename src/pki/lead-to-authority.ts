import { type Certificate, parseCertificateDer, parseCertificates } from './certificate.ts';
import { maySignCertificates, servesFor } from './key-usages.ts';

export interface TrustQuestion {
  /** DER, as the other side has shown it. */
  readonly leaf: Uint8Array;
  /** DER of what it has shown besides. */
  readonly between: readonly Uint8Array[];
  readonly authoritiesPem: string;
  readonly purpose: 'client auth' | 'server auth';
  readonly nowMs: number;
}

/** As many as Go checks before it gives up. */
const MOST_SIGNATURES = 100;
const MOST_BETWEEN = 16;

/**
 * Whether a certificate leads to one of the authorities, as Go finds it (crypto/x509, Verify). OpenSSL finds no way in some cases in which Go does: where
 * names of subject and issuer are the same though the keys are not (empty ones, as ad-hoc tools write them), and where the first way that it
 * tries ends in something that has run out. Each step is an issuer by its name to the letter, by its signature and by its right to issue; dates, purposes
 * and path lengths hold all the way. Where a certificate has constraints that are not read here the answer is no.
 */
export function leadsToAuthority({ leaf, between, authoritiesPem, purpose, nowMs }: TrustQuestion): boolean {
  let authorities: readonly Certificate[];
  let shown: Certificate;
  try {
    authorities = parseCertificates(authoritiesPem);
    shown = parseCertificateDer(Buffer.from(leaf));
  } catch {
    return false; // what cannot be read proves nothing
  }
  const others = between.slice(0, MOST_BETWEEN).flatMap(readOrNone);
  const mayBePart = ({ notBeforeMs, notAfterMs, usages, unheededExtensions }: Certificate) =>
    nowMs >= notBeforeMs && nowMs <= notAfterMs && servesFor(usages, purpose) && unheededExtensions.length === 0;
  let signaturesLeft = MOST_SIGNATURES;
  const isIssuer = (issuer: Certificate, of: Certificate, above: number) =>
    issuer.subjectDer.equals(of.issuerDer) &&
    mayIssue(issuer) &&
    mayBePart(issuer) &&
    above <= (issuer.pathLength ?? Number.POSITIVE_INFINITY) &&
    signaturesLeft-- > 0 &&
    isSigned(of, issuer);

  const leads = (certificate: Certificate, chain: readonly Certificate[]): boolean => {
    // Authorities between it and the leaf, which no path length counts.
    const above = chain.length;
    if (authorities.some((authority) => isIssuer(authority, certificate, above))) return true;
    return others.some(
      (issuer) =>
        !chain.some(({ der }) => der.equals(issuer.der)) &&
        !issuer.der.equals(shown.der) &&
        issuer.isCa &&
        isIssuer(issuer, certificate, above) &&
        leads(issuer, [...chain, issuer]),
    );
  };
  if (!mayBePart(shown)) return false;
  return authorities.some(({ der }) => der.equals(shown.der)) || leads(shown, []);
}

/** Version 3 must say that it is an authority's; older ones have no way to say so. */
const mayIssue = ({ version, isCa, usages }: Certificate) => (isCa || version < 3) && maySignCertificates(usages);

function isSigned(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return certificate.isSignedBy(issuer);
  } catch {
    return false; // an algorithm or a key that nobody here believes
  }
}

function readOrNone(der: Uint8Array): Certificate[] {
  try {
    return [parseCertificateDer(Buffer.from(der))];
  } catch {
    return [];
  }
}
