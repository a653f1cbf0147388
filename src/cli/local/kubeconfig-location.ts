import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

export const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

/** The files that kubectl reads: those of `$KUBECONFIG`, else `~/.kube/config`. */
export function kubeconfigFiles(env: Environment): string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  return listed.length > 0 ? listed : [join(env['HOME'] || homedir(), '.kube', 'config')];
}

/** Where `up` puts its context: the file asked for, else the first that kubectl reads. */
export function kubeconfigToWrite(flag: string, env: Environment): string {
  return flag || kubeconfigFiles(env)[0]!;
}

/** The kubeconfig that kubeadm uses: the one asked for, else the first that exists of kubectl's files and `/etc/kubernetes/admin.conf`. */
export function kubeadmKubeconfig(flag: string, env: Environment, exists: (path: string) => boolean = existsSync): string {
  if (flag) return flag;
  const candidates = [...kubeconfigFiles(env), ADMIN_KUBECONFIG];
  return candidates.find(exists) ?? ADMIN_KUBECONFIG;
}
