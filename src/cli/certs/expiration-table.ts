import type { Certificate } from '../../pki/certificate.ts';
import { formatTable } from '../../std/table-text.ts';

/** A certificate's file and what it holds; a string says why it cannot be read. */
export interface ListedCertificate {
  readonly name: string;
  readonly certificate: Certificate | string | undefined;
}

/** The two tables of `kubeadm certs check-expiration`, without the column of who manages them from outside. */
export function formatExpirations(
  authority: ListedCertificate,
  certificates: readonly ListedCertificate[],
  nowMs: number,
): string {
  const row = ({ name, certificate }: ListedCertificate): string[] => {
    if (certificate === undefined) return [`!MISSING! ${name}`, '', ''];
    if (typeof certificate === 'string') return [`!UNREADABLE! ${name}`, certificate, ''];
    return [name, formatDate(certificate.notAfterMs), formatResidual(certificate.notAfterMs - nowMs)];
  };
  const issuer = ({ certificate }: ListedCertificate): string =>
    typeof certificate !== 'object'
      ? ''
      : isIssuedBy(certificate, authority.certificate)
        ? authority.name
        : certificate.issuerCommonName;
  const rows = certificates.map((entry) => [...row(entry), issuer(entry)]);
  return [
    formatTable([['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY'], ...rows]),
    formatTable([['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME'], row(authority)]),
  ].join('\n');
}

function isIssuedBy(certificate: Certificate, authority: ListedCertificate['certificate']): boolean {
  return typeof authority === 'object' && certificate.isSignedBy(authority);
}

/** `Dec 30, 2026 23:36 UTC` */
function formatDate(ms: number): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) (\d+:\d+)/.exec(new Date(ms).toUTCString())!;
  return `${month} ${day}, ${year} ${time} UTC`;
}

/** kubeadm's: `9y`, `364d`, `23h`, `<invalid>` when it is over. */
function formatResidual(ms: number): string {
  if (ms < 0) return '<invalid>';
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return `${Math.floor(ms / 60_000)}m`;
  if (hours < 24) return `${hours}h`;
  return hours < 24 * 365 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24 / 365)}y`;
}
