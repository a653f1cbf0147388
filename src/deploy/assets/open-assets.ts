import { createPublicKey } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { generatePrivateKey, parsePrivateKey } from '../../pki/keys.ts';
import { readIfExists } from '../../pki/layouts/certificate-files.ts';
import { type FileNaming, filesOf } from '../../pki/layouts/layout.ts';
import { makeCertificates } from '../../pki/layouts/make-certificates.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { contentOf } from '../desired/step.ts';
import { type AuthorityName, certificatesOf, ownName } from './certificates.ts';
import type { Material, Pair } from './material.ts';

export interface AssetsOptions {
  readonly inventory: Inventory;
  /** Holds every key of the cluster: whoever has it is its administrator. */
  readonly directory: string;
  /** The file that is installed on hosts. */
  readonly executable: string;
  /** Libraries that it needs, name → bytes. */
  readonly libraries: ReadonlyMap<string, Uint8Array>;
  readonly clock: Clock;
}

/**
 * Opens what a cluster is deployed from, and makes what is missing: authorities once, certificates for hosts that have none, or none that
 * is good.
 *
 * @throws CodedError AUTHORITY_UNUSABLE when an authority is there that cannot be used; it is never replaced here
 */
export async function openAssets({ inventory, directory, executable, libraries, clock }: AssetsOptions): Promise<Material> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const specs = certificatesOf(inventory);
  const separate = inventory.pki.authorities === 'separate';
  const namingOf = (authority: AuthorityName): FileNaming => ({
    directory: join(directory, 'pki', separate && authority !== 'cluster' ? authority : ''),
    certificateSuffix: '.pem',
    keySuffix: '.key',
  });
  const names = ['cluster', 'etcd', 'front-proxy'] as const;
  for (const name of names)
    await makeCertificates({
      naming: namingOf(name),
      specs: specs[name],
      algorithm: 'ec-p256',
      authorityLifetimeMs: parseGoDuration(inventory.pki.authorityValidity),
      lifetimeMs: parseGoDuration(inventory.pki.validity),
      nowMs: clock.now(),
      overwrite: true,
      newAuthority: false,
      authorityName: separate && name !== 'cluster' ? `${inventory.name}-${name}` : 'kubernetes',
    });
  const pairs = new Map<string, Pair>();
  for (const name of names) for (const spec of specs[name]) pairs.set(spec.name, await readPair(namingOf(name), spec.name));
  const pair = (name: string) => {
    const found = pairs.get(name);
    if (!found) throw new Error(`no certificate ${name} is part of the cluster`);
    return found;
  };
  return {
    executable: contentOf(await readFile(executable)),
    libraries: new Map([...libraries].map(([name, bytes]) => [name, contentOf(bytes)])),
    authority: await readPair(namingOf('cluster'), 'ca'),
    etcdAuthority: await readPair(namingOf('etcd'), 'ca'),
    frontProxyAuthority: await readPair(namingOf('front-proxy'), 'ca'),
    serviceAccount: await serviceAccountPair(join(directory, 'pki', 'service-account.key')),
    admin: pair('admin'),
    pairOf: (host, name) => pair(ownName(host, name)),
  };
}

async function readPair(naming: FileNaming, name: string): Promise<Pair> {
  const files = filesOf(naming, { name });
  const [certificate, key] = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]);
  return { certificate, key };
}

/** Tokens end with the key, so it is made once. */
async function serviceAccountPair(path: string): Promise<Pair> {
  const existing = await readIfExists(path);
  const key = existing === undefined ? await generatePrivateKey('rsa-2048') : parsePrivateKey(existing);
  if (existing === undefined) await writeFileAtomic(path, key.pem, { mode: 0o600 });
  const certificate = createPublicKey(key.keyObject).export({ type: 'spki', format: 'pem' }).toString();
  return { certificate, key: key.pem };
}
