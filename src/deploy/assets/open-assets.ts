import { readFile } from 'node:fs/promises';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import type { Authority } from '../../pki/authority.ts';
import { parseCertificates } from '../../pki/certificate.ts';
import { generatePrivateKey, parsePrivateKey } from '../../pki/keys.ts';
import type { CertificateSpec } from '../../pki/layouts/layout.ts';
import { type FoundFiles, findFault } from '../../pki/layouts/plan.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { BundledPackage } from '../bundle/bundle.ts';
import { contentOf } from '../desired/step.ts';
import type { UpstreamPrograms } from '../distribution/program-flags.ts';
import type { AssetFiles } from './asset-files.ts';
import { AUTHORITIES, authorityFile, authorityFolder, BACKDATE_MS, openOrMakeAuthority, SERVICE_ACCOUNT } from './authorities.ts';
import { type AuthorityName, certificatesOf, ownName } from './certificates.ts';
import { openEncryptionKeys } from './encryption-keys.ts';
import type { AuthorityPair, Material, Pair } from './material.ts';
import { readRenewal } from './renewal.ts';
import { publicHalfOf, type RotatingPair, readRotating, writePair } from './rotation.ts';

export interface AssetsOptions {
  readonly inventory: Inventory;
  /** Hold every key of the cluster: whoever has them is its administrator. */
  readonly files: AssetFiles;
  /** The file that is installed on hosts. */
  readonly executable: string;
  /** Libraries that it needs, name → bytes. */
  readonly libraries: ReadonlyMap<string, Uint8Array>;
  /** In the place of Muster's own; default none. */
  readonly programs?: UpstreamPrograms;
  /** Of a bundle; default none. */
  readonly packages?: readonly BundledPackage[];
  readonly clock: Clock;
}

/**
 * Opens what a cluster is deployed from, and makes what is missing: authorities once, certificates for hosts that have none, or none that
 * is good.
 *
 * @throws CodedError AUTHORITY_UNUSABLE when an authority is there that cannot be used; it is never replaced here; EXECUTABLE_MISSING
 */
export async function openAssets({
  inventory,
  files,
  executable,
  libraries,
  packages = [],
  programs = new Map(),
  clock,
}: AssetsOptions): Promise<Material> {
  const specs = certificatesOf(inventory);
  const nowMs = clock.now();
  const renewal = await readRenewal(files);
  // Before the authority, whose being there says that the cluster has begun.
  const begun = (await readRotating(files, authorityFile(inventory, 'cluster'))) !== undefined;
  const encryption = await openEncryptionKeys(files, begun ? 'none' : inventory.encryption.provider);
  const authorities = new Map<AuthorityName, RotatingPair>();
  const pairs = new Map<string, Pair>();
  // One authority for all is opened by the first, and found by the others.
  for (const name of AUTHORITIES) {
    const { authority, rotating } = await openOrMakeAuthority(files, inventory, name, nowMs);
    authorities.set(name, rotating);
    const issue = { inventory, files, authority, nowMs, issuedBeforeMs: renewal?.startedMs };
    for (const spec of specs[name])
      pairs.set(spec.name, await openOrIssue(issue, `${authorityFolder(inventory, name)}/${spec.name}`, spec));
  }
  const pair = (name: string) => {
    const found = pairs.get(name);
    if (!found) throw new Error(`no certificate ${name} is part of the cluster`);
    return found;
  };
  return {
    executable: contentOf(await readExecutable(executable)),
    libraries: new Map([...libraries].map(([name, bytes]) => [name, contentOf(bytes)])),
    packages,
    programs,
    authority: asAuthority(authorities.get('cluster')!),
    etcdAuthority: asAuthority(authorities.get('etcd')!),
    frontProxyAuthority: asAuthority(authorities.get('front-proxy')!),
    serviceAccount: await serviceAccountPair(files),
    encryption,
    admin: pair('admin'),
    pairOf: (host, name) => pair(ownName(host, name)),
  };
}

async function readExecutable(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (cause as Error).message;
    throw new CodedError(`distribution.executable: ${path}: ${why}`, { code: 'EXECUTABLE_MISSING', cause });
  }
}

const asAuthority = ({ pair, trust, stage }: RotatingPair): AuthorityPair => ({ ...pair, trust, stage });

interface Issue {
  readonly inventory: Inventory;
  readonly files: AssetFiles;
  readonly authority: Authority;
  readonly nowMs: number;
  /** Certificates that were made earlier are made again. */
  readonly issuedBeforeMs: number | undefined;
}

async function openOrIssue({ inventory, files, authority, nowMs, issuedBeforeMs }: Issue, path: string, spec: CertificateSpec) {
  const [certificate, key] = await Promise.all([files.read(`${path}.pem`), files.read(`${path}.key`)]);
  const found: FoundFiles = {
    certificate: certificate === undefined ? undefined : orProblem(() => parseCertificates(certificate)[0]!),
    publicKeyDer: key === undefined ? undefined : orProblem(() => parsePrivateKey(key).publicKeyDer),
  };
  const isOld =
    issuedBeforeMs !== undefined &&
    typeof found.certificate === 'object' &&
    found.certificate.notBeforeMs + BACKDATE_MS < issuedBeforeMs;
  if (
    certificate !== undefined &&
    key !== undefined &&
    !isOld &&
    findFault(spec, found, authority.certificate, nowMs) === undefined
  )
    return { certificate, key };
  const made = await generatePrivateKey('ec-p256');
  const validity = { notBeforeMs: nowMs - BACKDATE_MS, notAfterMs: nowMs + parseGoDuration(inventory.pki.validity) };
  const pair = {
    certificate: await authority.issue({ ...spec, ...validity, publicKeyDer: made.publicKeyDer }),
    key: made.pem,
  };
  await writePair(files, { path, publicHalf: 'certificate' }, '', pair);
  return pair;
}

function orProblem<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return error.message;
    throw error;
  }
}

/** Tokens end with the key, so it is made once. */
async function serviceAccountPair(files: AssetFiles): Promise<AuthorityPair> {
  const found = await readRotating(files, SERVICE_ACCOUNT);
  if (found) return asAuthority(found);
  const { pem } = await generatePrivateKey('rsa-2048');
  const pair = { certificate: publicHalfOf(pem), key: pem };
  await writePair(files, SERVICE_ACCOUNT, '', pair);
  return { ...pair, trust: pair.certificate, stage: 'settled' };
}
