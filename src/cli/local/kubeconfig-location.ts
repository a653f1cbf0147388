import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

/**
 * `$HOME`, else what the system's list of users says.
 * @throws CodedError HOME_UNKNOWN when the user is not in that list
 */
export function homeDirectory(env: Environment, listed: () => string = () => userInfo().homedir): string {
  // homedir() of node:os takes an empty $HOME for an answer, and files would be looked for in the current directory.
  if (env['HOME']) return env['HOME'];
  try {
    return listed();
  } catch (cause) {
    throw new CodedError('$HOME is not set, and the system does not know this user; set $HOME', { code: 'HOME_UNKNOWN', cause });
  }
}

/** The files that kubectl reads: those of `$KUBECONFIG`, else `~/.kube/config`. */
export function kubeconfigFiles(env: Environment): string[] {
  const listed = (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  return listed.length > 0 ? listed : [join(homeDirectory(env), '.kube', 'config')];
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
