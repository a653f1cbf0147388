import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { HostObservations, KubeletUnit, SeenCertificate } from '../observations.ts';
import { seenInPem } from './seen-certificate.ts';

/** Where the runbooks, kubeadm and Muster put certificates and keys. */
const DIRECTORIES = [
  '/etc/kubernetes/pki',
  '/etc/kubernetes/pki/etcd',
  '/etc/kubernetes/ssl',
  '/etc/kubernetes/cert',
  '/etc/etcd/ssl',
  '/var/lib/kubelet/pki',
  '/etc/kubernetes',
];
const MOST_FILES = 500;
const LARGEST_BYTES = 1 << 20;

/** Looks at this host, as root or as far as the user may. `root` stands for `/`. Never reads more of a key than its mode. */
export async function lookAtHost(root = '/'): Promise<HostObservations> {
  const found = { certificates: [] as SeenCertificate[], openKeys: [] as string[], brokenLinks: [] as string[] };
  for (const directory of DIRECTORIES) {
    const names = await readdir(join(root, directory)).catch(() => []); // none on this host
    for (const name of names.sort().slice(0, MOST_FILES)) await lookAtFile(root, join(directory, name), found);
  }
  const [swapAreas, kubeletUnits, pauseImages] = await Promise.all([readSwaps(root), readUnits(root), readPauseImages(root)]);
  return { hostName: hostname(), swapAreas, ...found, kubeletUnits, pauseImages };
}

async function lookAtFile(
  root: string,
  path: string,
  found: Pick<Mutable, 'certificates' | 'openKeys' | 'brokenLinks'>,
): Promise<void> {
  const real = join(root, path);
  const target = await readlink(real).catch(() => undefined); // no link
  if (target !== undefined && (await stat(resolve(dirname(real), target)).catch(() => undefined)) === undefined) {
    found.brokenLinks.push(path);
    return;
  }
  const entry = await stat(real).catch(() => undefined); // gone meanwhile
  if (!entry?.isFile() || entry.size > LARGEST_BYTES || !/\.(pem|crt|key)$/.test(path)) return;
  const text = await readFile(real, 'utf8').catch(() => ''); // not for this user
  if (text.includes('PRIVATE KEY-----') && (entry.mode & 0o077) !== 0) found.openKeys.push(path);
  // kubelet-client-2026-….pem that the current one has replaced.
  if (/kubelet-(client|server)-\d/.test(path) || !text.includes('BEGIN CERTIFICATE-----')) return;
  try {
    found.certificates.push(...seenInPem(path, text));
  } catch {
    // Not one that can be read; whoever uses it will say so.
  }
}

interface Mutable {
  certificates: SeenCertificate[];
  openKeys: string[];
  brokenLinks: string[];
}

const UNIT_DIRECTORIES = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

async function readUnits(root: string): Promise<KubeletUnit[]> {
  const units: KubeletUnit[] = [];
  for (const directory of UNIT_DIRECTORIES) {
    // Where /lib is a link to /usr/lib, its files have been seen.
    const target = await readlink(join(root, dirname(dirname(directory)))).catch(() => undefined);
    if (target !== undefined) continue;
    const path = join(directory, 'kubelet.service');
    const text = await readFile(join(root, path), 'utf8').catch(() => undefined); // none there
    if (text === undefined) continue;
    const command = /^ExecStart=((?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? '';
    units.push({ path, flags: [...command.matchAll(/(?<=\s)--([a-z][a-z0-9-]*)/g)].map(([, name]) => name!) });
  }
  return units;
}

async function readSwaps(root: string): Promise<string[]> {
  const text = await readFile(join(root, '/proc/swaps'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => (line.trim() === '' ? [] : [line.split(/\s+/)[0]!]));
}

async function readPauseImages(root: string): Promise<HostObservations['pauseImages']> {
  const read = (path: string) => readFile(join(root, path), 'utf8').catch(() => '');
  const runtime = /^\s*sandbox(?:_image)?\s*=\s*["']([^"']+)["']/m.exec(await read('/etc/containerd/config.toml'))?.[1];
  const units = await Promise.all(
    ['/etc/systemd/system/kubelet.service', '/lib/systemd/system/kubelet.service', '/var/lib/kubelet/kubeadm-flags.env'].map(
      read,
    ),
  );
  const kubelet = units
    .map((text) => /--pod-infra-container-image[= ]"?([^\s"\\]+)/.exec(text)?.[1])
    .find((image) => image !== undefined);
  return { runtime, kubelet };
}
