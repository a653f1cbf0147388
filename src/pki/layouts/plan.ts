import type { Certificate } from '../certificate.ts';
import type { CertificateFiles, CertificateSpec } from './layout.ts';

/** What lies at a certificate's two paths now. */
export interface FoundFiles {
  /** Undefined: no file. A string: why it cannot be read. */
  readonly certificate: Certificate | string | undefined;
  readonly publicKeyDer: Buffer | string | undefined;
}

export interface PlannedCertificate {
  readonly spec: CertificateSpec;
  readonly files: CertificateFiles;
  /** `conflict`: something is there that is not what is wanted, and was not asked to be replaced. */
  readonly action: 'create' | 'keep' | 'replace' | 'conflict';
  readonly reason: string;
}

/** Why the pair that was found is not what `spec` wants from `authority`; undefined when it is. */
export function findFault(
  spec: CertificateSpec,
  found: FoundFiles,
  authority: Certificate | undefined,
  nowMs: number,
): string | undefined {
  const { certificate, publicKeyDer } = found;
  if (certificate === undefined) return 'the key is there, but not the certificate';
  if (publicKeyDer === undefined) return 'the certificate is there, but not the key';
  if (typeof certificate === 'string') return `the certificate cannot be read: ${certificate}`;
  if (typeof publicKeyDer === 'string') return `the key cannot be read: ${publicKeyDer}`;
  if (!certificate.publicKeyDer.equals(publicKeyDer)) return 'the key is not the one of the certificate';
  if (certificate.notAfterMs < nowMs) return `the certificate expired on ${new Date(certificate.notAfterMs).toISOString()}`;
  if (!authority || !certificate.isSignedBy(authority)) return 'the certificate was not signed by this authority';
  if (certificate.commonName !== spec.commonName) {
    return `the certificate is for "${certificate.commonName}", not for "${spec.commonName}"`;
  }
  const lacks = (wanted: readonly string[] = [], has: readonly string[]) => wanted.find((name) => !has.includes(name));
  const missing =
    lacks(spec.organizations, certificate.organizations) ??
    lacks(spec.dnsNames, certificate.dnsNames) ??
    lacks(spec.ipAddresses, certificate.ipAddresses) ??
    lacks(spec.usages, certificate.usages);
  return missing === undefined ? undefined : `the certificate lacks "${missing}"`;
}

/** What to do about one certificate. What is good is kept; what is not is replaced only when `overwrite` says so. */
export function planCertificate(
  spec: CertificateSpec,
  files: CertificateFiles,
  found: FoundFiles,
  context: { authority: Certificate | undefined; nowMs: number; overwrite: boolean },
): PlannedCertificate {
  if (found.certificate === undefined && found.publicKeyDer === undefined)
    return { spec, files, action: 'create', reason: 'missing' };
  const fault = findFault(spec, found, context.authority, context.nowMs);
  if (fault === undefined) return { spec, files, action: 'keep', reason: 'good' };
  return { spec, files, action: context.overwrite ? 'replace' : 'conflict', reason: fault };
}
