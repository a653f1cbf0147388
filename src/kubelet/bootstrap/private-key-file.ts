import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generatePrivateKey, type PrivateKey, parsePrivateKey } from '../../pki/keys.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { CertificateStore } from '../certificates/certificate-store.ts';

/** Where the key waits until its certificate is there; upstream's name. */
export function temporaryKeyPath(certificateDirectory: string): string {
  return join(certificateDirectory, 'kubelet-client.key.tmp');
}

/**
 * The key to ask a first certificate for: that of the certificate in the store, else the one that an earlier run left,
 * else a new one, on disk before this resolves. The same key gives the same request name, so nothing is filed twice.
 */
export async function loadOrCreateKey(
  store: CertificateStore,
  path: string,
  say: (message: string) => void,
): Promise<PrivateKey> {
  const stored = await store.load().catch(() => undefined); // one that cannot be read is no key to go on with, as upstream
  if (stored) return parsePrivateKey(stored.privateKeyPem);
  say('No valid private key and/or certificate found, reusing existing private key or creating a new one');
  const left = await readKey(path);
  if (left) return left;
  const key = await generatePrivateKey();
  await writeFileAtomic(path, key.pem, { mode: 0o600 });
  return key;
}

async function readKey(path: string): Promise<PrivateKey | undefined> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return parsePrivateKey(pem);
}
