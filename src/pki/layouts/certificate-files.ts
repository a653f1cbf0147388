import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseCertificates } from '../certificate.ts';
import { parsePrivateKey } from '../keys.ts';
import type { CertificateFiles } from './layout.ts';
import type { FoundFiles } from './plan.ts';

/** The file's text, or undefined when there is none. Anything else that is wrong rejects. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The certificate alone, which everybody may read; contents that make no sense are told, not thrown. */
export async function findCertificate(files: CertificateFiles): Promise<FoundFiles['certificate']> {
  const certificate = await readIfExists(files.certificate);
  return certificate === undefined ? undefined : orProblem(() => parseCertificates(certificate)[0]!);
}

/** What lies at the two paths; contents that make no sense are told, not thrown. */
export async function findFiles(files: CertificateFiles): Promise<FoundFiles> {
  const [certificate, key] = await Promise.all([findCertificate(files), readIfExists(files.key)]);
  return {
    certificate,
    publicKeyDer: key === undefined ? undefined : orProblem(() => parsePrivateKey(key).publicKeyDer),
  };
}

function orProblem<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
}

/** Key first: a certificate without its key would be taken for finished. */
export async function writePair(files: CertificateFiles, certificatePem: string, privateKeyPem: string): Promise<void> {
  await writeFileAtomic(files.key, privateKeyPem, { mode: 0o600 });
  await writeFileAtomic(files.certificate, certificatePem, { mode: 0o644 });
}
