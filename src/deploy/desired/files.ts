import { join } from 'node:path';
import type { Inventory } from '../../api/config/v1/inventory.ts';
import { formatKubeconfig } from '../../pki/kubeconfig.ts';
import type { Pair } from '../assets/material.ts';
import { contentOf, type DirectoryStep, type FileStep, type LinkStep, type Phase, type Step, type StepAction } from './step.ts';

export const KUBERNETES_DIRECTORY = '/etc/kubernetes';
export const UNIT_DIRECTORY = '/etc/systemd/system';

/** Who may read a secret beside root: a group of one service. */
export const readableBy = (group: string) => ({ mode: group === 'root' ? 0o600 : 0o640, owner: 'root', group });

/** A file that everybody may read. */
export const textFile = (path: string, text: string, more: Partial<FileStep> = {}): FileStep => ({
  type: 'file',
  path,
  mode: 0o644,
  owner: 'root',
  group: 'root',
  content: contentOf(text),
  secret: false,
  ...more,
});

/** A file that only root, and members of `group`, may read. */
export const secretFile = (path: string, text: string, group = 'root'): FileStep =>
  textFile(path, text, { ...readableBy(group), secret: true });

/** A file that root, and this user by an access list, may read. */
export const listedFile = (path: string, text: string, reader: string): FileStep =>
  textFile(path, text, { mode: 0o640, reader, secret: true });

export const directory = (path: string, more: Partial<DirectoryStep> = {}): DirectoryStep => ({
  type: 'directory',
  path,
  mode: 0o755,
  owner: 'root',
  group: 'root',
  ...more,
});

export const link = (path: string, target: string): LinkStep => ({ type: 'link', path, target });

export const inPhase = (phase: Phase, steps: readonly StepAction[]): Step[] => steps.map((step) => ({ ...step, phase }));

/** Where a certificate and its key lie on hosts. */
export function pairPaths({ pki }: Inventory, name: string) {
  const path = join(pki.directory, name);
  return { certificate: path + pki.certificateSuffix, key: path + pki.keySuffix };
}

export function pairFiles(inventory: Inventory, name: string, pair: Pair, group = 'root'): FileStep[] {
  const paths = pairPaths(inventory, name);
  // The key first: a certificate without one would be taken for finished.
  return [secretFile(paths.key, pair.key, group), textFile(paths.certificate, pair.certificate)];
}

/** Where clients and nodes reach the API. */
export function endpointUrl({ endpoint }: Inventory): string {
  return `https://${hostPort(endpoint.address, endpoint.port)}`;
}

/** Where who deploys reaches the API: as the hosts do, or the first master where each host has a way of its own. */
export function administratorUrl(inventory: Inventory): string {
  if (inventory.endpoint.loadBalancer !== 'muster') return endpointUrl(inventory);
  const master = inventory.hosts.find(({ roles }) => roles.includes('master'))!;
  return `https://${hostPort(master.address, inventory.apiServer.port)}`;
}

/** `10.0.0.1:6443`, `[2001:db8::1]:6443` */
export const hostPort = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** A kubeconfig that holds all it needs; the authority may be a file of its host instead, that can change without it. */
export function kubeconfigText(
  server: string,
  authority: string | { readonly file: string },
  user: { name: string; pair?: Pair; token?: string },
): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { name, pair, token } = user;
  const trust =
    typeof authority === 'string'
      ? { 'certificate-authority-data': base64(authority) }
      : { 'certificate-authority': authority.file };
  return formatKubeconfig({
    clusters: [{ name: 'kubernetes', cluster: { ...trust, server } }],
    contexts: [{ name: 'default', context: { cluster: 'kubernetes', user: name } }],
    'current-context': 'default',
    users: [
      {
        name,
        user: {
          ...(pair && { 'client-certificate-data': base64(pair.certificate), 'client-key-data': base64(pair.key) }),
          ...(token && { token }),
        },
      },
    ],
  });
}
