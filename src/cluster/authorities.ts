import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type Authority, createAuthority, openAuthority } from '../pki/authority.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { writeFileAtomic } from '../std/atomic-file.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';

const DAY_MS = 86_400_000;
const CA_LIFETIME_MS = 3650 * DAY_MS;
/** Of the certificates that every start makes anew. */
export const LEAF_LIFETIME_MS = 365 * DAY_MS;
/** A node's clock may be behind by so much and still accept what was just issued. */
const BACKDATE_MS = 5 * 60_000;

export interface Pair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** The keys that make a cluster the one it is; kept when the cluster is. */
export interface ClusterKeys {
  readonly authority: Authority;
  /** Signs service-account tokens. */
  readonly serviceAccountKeyPem: string;
  readonly serviceAccountPublicKeyPem: string;
}

/**
 * The keys in `directory`, made when they are not there, and kept there when `keep` is set. A cluster that has nodes must have
 * its keys.
 *
 * @throws CodedError PKI_INCOMPLETE, PKI_INVALID naming the file
 */
export async function openClusterKeys(options: {
  directory: string;
  keep: boolean;
  hasNodes: boolean;
  clock: Clock;
}): Promise<ClusterKeys> {
  const { directory, keep, hasNodes, clock } = options;
  const files = { ca: join(directory, 'ca.crt'), caKey: join(directory, 'ca.key'), saKey: join(directory, 'sa.key') };
  const [ca, caKey, saKey] = keep ? await Promise.all(Object.values(files).map(readIfThere)) : [];
  if (ca !== undefined || (keep && hasNodes)) {
    const caPem = there(files.ca, ca);
    // Every certificate and token of the cluster hangs on these: others in their place would lock out all that joined.
    const [caKeyPem, saKeyPem] = [there(files.caKey, caKey), there(files.saKey, saKey)];
    return {
      authority: naming(files.caKey, () => openAuthority(caPem, caKeyPem)),
      ...naming(files.saKey, () => serviceAccountKeys(saKeyPem)),
    };
  }
  const authority = await createAuthority({
    commonName: 'kubernetes',
    notBeforeMs: clock.now() - BACKDATE_MS,
    notAfterMs: clock.now() + CA_LIFETIME_MS,
  });
  const keys = { authority, ...serviceAccountKeys((await generatePrivateKey()).pem) };
  if (keep) {
    // The certificate comes last: where it is, the keys are.
    await Promise.all([
      writeFileAtomic(files.caKey, authority.privateKeyPem, { mode: 0o600 }),
      writeFileAtomic(files.saKey, keys.serviceAccountKeyPem, { mode: 0o600 }),
      writeFileAtomic(join(directory, 'sa.pub'), keys.serviceAccountPublicKeyPem, { mode: 0o644 }),
    ]);
    await writeFileAtomic(files.ca, authority.certificatePem, { mode: 0o644 });
  }
  return keys;
}

function there(file: string, pem: string | undefined): string {
  if (pem !== undefined) return pem;
  throw new CodedError(`${file} is missing: restore it from a backup, or delete the cluster with "muster down"`, {
    code: 'PKI_INCOMPLETE',
  });
}

/** What `read` gives; its failure names the file. */
function naming<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CodedError(`${file}: ${(cause as Error).message}`, { code: 'PKI_INVALID', cause });
  }
}

function serviceAccountKeys(pem: string) {
  const serviceAccountPublicKeyPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  return { serviceAccountKeyPem: pem, serviceAccountPublicKeyPem };
}

/** What a certificate of the cluster is for. */
export interface LeafRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly use: 'server auth' | 'client auth';
}

/** A new key with a certificate of the cluster's authority. */
export async function issueLeaf(authority: Authority, clock: Clock, { use, ...names }: LeafRequest): Promise<Pair> {
  const key = await generatePrivateKey();
  const certificatePem = await authority.issue({
    ...names,
    publicKeyDer: key.publicKeyDer,
    usages: ['digital signature', 'key encipherment', use],
    notBeforeMs: clock.now() - BACKDATE_MS,
    notAfterMs: clock.now() + LEAF_LIFETIME_MS,
  });
  return { certificatePem, privateKeyPem: key.pem };
}

/** The names under which the API server is reached from this machine and from inside the cluster. */
export function apiServerNames(options: {
  addresses: readonly string[];
  serviceAddress: string;
  clusterDomain: string;
}): LeafRequest {
  return {
    use: 'server auth',
    commonName: 'kube-apiserver',
    dnsNames: [
      ...new Set([
        'localhost',
        hostname().toLowerCase(),
        'kubernetes',
        'kubernetes.default',
        'kubernetes.default.svc',
        `kubernetes.default.svc.${options.clusterDomain}`,
      ]),
    ],
    ipAddresses: [...new Set(['127.0.0.1', '::1', options.serviceAddress, ...options.addresses])],
  };
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
