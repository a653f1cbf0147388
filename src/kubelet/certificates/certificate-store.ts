import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseCertificates } from '../../pki/certificate.ts';
import { parsePrivateKey } from '../../pki/keys.ts';
import { linkAtomic, writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

/** A certificate with its key, as one file holds both. */
export interface KeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface CertificateStore {
  /** The absolute path of the link that always points to the newest pair: `<directory>/<prefix>-current.pem`. */
  readonly currentPath: string;
  /** The newest pair, expired or not; undefined when there is none. Rejects when it is there and cannot be read. */
  load(): Promise<KeyPair | undefined>;
  /** Writes a new pair and points the link at it; what was there before stays as it is, as upstream leaves it. */
  save(certificatePem: string, privateKeyPem: string): Promise<KeyPair>;
}

/**
 * The kubelet's certificate directory (upstream's client-go/util/certificate FileStore): a file a renewal,
 * `<prefix>-<YYYY-MM-DD-HH-MM-SS>.pem` of mode 0600 with certificate and key, and the link `<prefix>-current.pem` to the newest by
 * absolute path. `<prefix>.crt` with `<prefix>.key`, as the oldest releases wrote them, are read when there is no link.
 */
export function createCertificateStore(options: { directory: string; prefix: string; clock: Clock }): CertificateStore {
  const directory = resolve(options.directory);
  const file = (suffix: string) => join(directory, `${options.prefix}${suffix}`);
  const currentPath = file('-current.pem');
  return {
    currentPath,
    async load() {
      const current = await readIfThere(currentPath);
      if (current !== undefined) return readPair(current, current, currentPath);
      const [certificate, key] = await Promise.all([readIfThere(file('.crt')), readIfThere(file('.key'))]);
      return certificate !== undefined && key !== undefined ? readPair(certificate, key, file('.crt')) : undefined;
    },
    async save(certificatePem, privateKeyPem) {
      const pair = readPair(certificatePem, privateKeyPem, 'the new certificate');
      const path = file(`-${fileTimestamp(options.clock.now())}.pem`);
      await writeFileAtomic(path, endLine(certificatePem) + endLine(privateKeyPem), { mode: 0o600 });
      await linkAtomic(currentPath, path);
      return pair;
    },
  };
}

/**
 * Checks that certificate and key belong together.
 *
 * @throws CodedError naming `origin`
 */
export function readPair(certificatePem: string, privateKeyPem: string, origin: string): KeyPair {
  const certificates = parseCertificates(certificatePem);
  const leaf = certificates[0];
  if (!leaf) throw new CodedError(`${origin} holds no certificate`, { code: 'CERTIFICATE_MISSING' });
  const key = parsePrivateKey(privateKeyPem);
  if (!key.publicKeyDer.equals(leaf.publicKeyDer))
    throw new CodedError(`${origin}: the private key does not belong to the certificate`, { code: 'CERTIFICATE_KEY_MISMATCH' });
  return {
    certificatePem: certificates.map(({ pem }) => endLine(pem)).join(''),
    privateKeyPem: key.pem,
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
  };
}

/** `2018-08-20-21-57-35`, in local time as upstream writes it. */
export function fileTimestamp(ms: number): string {
  const t = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  return [t.getFullYear(), t.getMonth() + 1, t.getDate(), t.getHours(), t.getMinutes(), t.getSeconds()].map(two).join('-');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const endLine = (pem: string) => (pem.endsWith('\n') ? pem : `${pem}\n`);
