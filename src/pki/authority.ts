import { CodedError } from '../std/coded-error.ts';
import { type Certificate, parseCertificates } from './certificate.ts';
import { type CertificateContent, writeCertificate } from './certificate-writer.ts';
import { generatePrivateKey, type PrivateKey, parsePrivateKey } from './keys.ts';
import { formatPem } from './pem.ts';

export type IssueRequest = Omit<CertificateContent, 'isCa'>;

/** A certificate authority: its certificate, its key, and what it does with them. */
export interface Authority {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfterMs: number;
  readonly certificate: Certificate;
  /** A certificate in PEM that says exactly what was asked, except that it never outlives the authority. */
  issue(request: IssueRequest): Promise<string>;
}

export interface AuthorityOptions {
  commonName: string;
  organizations?: readonly string[];
  /** A new ECDSA P-256 key when none is given. */
  key?: PrivateKey;
  notBeforeMs: number;
  notAfterMs: number;
}

/** A new, self-signed authority. Writes nothing. */
export async function createAuthority(options: AuthorityOptions): Promise<Authority> {
  const key = options.key ?? (await generatePrivateKey());
  const der = await writeCertificate(
    {
      publicKeyDer: key.publicKeyDer,
      commonName: options.commonName,
      organizations: options.organizations,
      // As kubeadm's authorities have them.
      usages: ['digital signature', 'key encipherment', 'cert sign'],
      notBeforeMs: options.notBeforeMs,
      notAfterMs: options.notAfterMs,
      isCa: true,
    },
    key.keyObject,
  );
  return openAuthority(formatPem('CERTIFICATE', der), key.pem);
}

/**
 * An authority from its files. The first certificate counts; others (a chain) are kept in `certificatePem`. Throws a CodedError
 * when the key is another certificate's (AUTHORITY_KEY_MISMATCH) or the certificate is not an authority's (AUTHORITY_NOT_CA).
 */
export function openAuthority(certificatePem: string, privateKeyPem: string): Authority {
  const certificate = parseCertificates(certificatePem)[0]!;
  const key = parsePrivateKey(privateKeyPem);
  const name = `certificate authority "${certificate.commonName}"`;
  if (!key.publicKeyDer.equals(certificate.publicKeyDer)) {
    throw new CodedError(`the private key does not belong to ${name}`, { code: 'AUTHORITY_KEY_MISMATCH' });
  }
  // Certificates before version 3 cannot say what they are.
  if (certificate.version === 3 && !certificate.isCa) {
    throw new CodedError(`${name} is not an authority: its certificate says CA:FALSE`, { code: 'AUTHORITY_NOT_CA' });
  }
  const issuer = {
    subjectDer: certificate.subjectDer,
    keyIdentifier: certificate.subjectKeyIdentifier,
    key: key.keyObject,
  };
  return {
    certificatePem,
    privateKeyPem,
    notAfterMs: certificate.notAfterMs,
    certificate,
    async issue(request) {
      const notAfterMs = Math.min(request.notAfterMs, certificate.notAfterMs);
      return formatPem('CERTIFICATE', await writeCertificate({ ...request, notAfterMs, isCa: false }, issuer));
    },
  };
}
