import { readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCertificates } from '../../pki/certificate.ts';
import { createSelfSigned } from '../../pki/self-signed.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type KeyPair, readPair } from './certificate-store.ts';

const YEAR_MS = 365 * 24 * 3_600_000;

/**
 * The serving pair of a kubelet that requests none: `kubelet.crt` (0644) and `kubelet.key` (0600) in the certificate
 * directory, made when missing, and anew when the one that we made has expired. A pair that somebody else put there is used
 * as it is; a certificate without its key is refused.
 */
export async function ensureSelfSignedPair(options: {
  directory: string;
  hostname: string;
  ipAddresses: readonly string[];
  clock: Clock;
}): Promise<KeyPair> {
  const certificatePath = join(options.directory, 'kubelet.crt');
  const keyPath = join(options.directory, 'kubelet.key');
  const [certificate, key] = await Promise.all([readIfThere(certificatePath), readIfThere(keyPath)]);
  const nowMs = options.clock.now();
  if (certificate !== undefined) {
    if (key === undefined)
      throw new CodedError(`error reading ${keyPath}: certificate and key must be supplied as a pair`, {
        code: 'CERTIFICATE_PAIR_INCOMPLETE',
      });
    const pair = readPair(certificate, key, certificatePath);
    const ours = parseCertificates(certificate)[0]!.commonName.startsWith(`${options.hostname}@`);
    if (pair.notAfterMs > nowMs || !ours) return pair;
    await unlink(certificatePath);
  }
  const made = await createSelfSigned({
    commonName: `${options.hostname}@${Math.floor(nowMs / 1000)}`,
    dnsNames: [options.hostname],
    ipAddresses: [...options.ipAddresses],
    notBeforeMs: nowMs - 60_000,
    notAfterMs: nowMs + YEAR_MS,
  });
  // The key first: what a crash between the two leaves is a key alone, which the next start replaces.
  await writeFileAtomic(keyPath, made.privateKeyPem, { mode: 0o600 });
  await writeFileAtomic(certificatePath, made.certificatePem, { mode: 0o644 });
  return readPair(made.certificatePem, made.privateKeyPem, certificatePath);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
