import { X509Certificate } from 'node:crypto';
import type { Authenticator, PeerCertificate } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';

/** Longer chains are nobody's. */
const LONGEST_CHAIN = 8;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Says whether a client's certificate was issued by one of these authorities. */
export type IssuedBy = (certificate: PeerCertificate) => boolean;

/**
 * TLS has verified the certificate against all authorities that this server knows; where they vouch for different things (identities,
 * front proxies) it must be known which of them it was. Names prove nothing here: each signature is checked.
 *
 * @throws Error for a text without a certificate that can be read
 */
export function createIssuedBy(authoritiesPem: string): IssuedBy {
  const authorities = (authoritiesPem.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
  if (!authorities.length) throw new Error('there is no certificate in it');
  const known = new WeakMap<PeerCertificate, boolean>();
  return (certificate) => {
    let answer = known.get(certificate);
    if (answer === undefined) {
      // Read when it is needed: most certificates were issued by an authority itself.
      let between: X509Certificate[] | undefined;
      const chain = () => {
        between ??= (certificate.chain?.() ?? []).map((raw) => new X509Certificate(raw));
        return between;
      };
      answer = leadsTo(certificate.opened ?? new X509Certificate(certificate.raw), chain, authorities, LONGEST_CHAIN);
      known.set(certificate, answer);
    }
    return answer;
  };
}

/** The same of authorities that may become others while connections are open. */
export interface ChangingIssuedBy {
  readonly issuedBy: IssuedBy;
  /** Throws for a text without a certificate that can be read; then nothing changes. */
  change(authoritiesPem: string): void;
}

export function createChangingIssuedBy(first: IssuedBy): ChangingIssuedBy {
  let current = first;
  return {
    issuedBy: (certificate) => current(certificate),
    change(authoritiesPem) {
      current = createIssuedBy(authoritiesPem);
    },
  };
}

function leadsTo(
  certificate: X509Certificate,
  between: () => readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  steps: number,
): boolean {
  if (steps === 0) return false;
  const isSignedBy = (issuer: X509Certificate) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
  if (authorities.some(isSignedBy) || authorities.some((authority) => authority.fingerprint256 === certificate.fingerprint256))
    return true;
  const issuer = between().find((each) => each.ca && each.fingerprint256 !== certificate.fingerprint256 && isSignedBy(each));
  return issuer !== undefined && leadsTo(issuer, between, authorities, steps - 1);
}

/** Lets an authenticator see only certificates of its own authorities; others are refused by it, as by upstream's x509 verifier. */
export function onlyIssuedBy(issuedBy: IssuedBy, inner: Authenticator): Authenticator {
  return {
    async authenticate(request) {
      const { peerCertificate } = request;
      if (peerCertificate && !issuedBy(peerCertificate))
        throw new AuthenticationFailure('x509: certificate signed by unknown authority');
      return inner.authenticate(request);
    },
  };
}
