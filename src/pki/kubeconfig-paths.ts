import { isAbsolute, resolve } from 'node:path';
import type { Kubeconfig } from './kubeconfig.ts';

const CLUSTER_PATHS = ['certificate-authority'];
const USER_PATHS = ['client-certificate', 'client-key', 'tokenFile'];

/** The same kubeconfig, good to be written into another directory. */
export function withAbsolutePaths(config: Kubeconfig): Kubeconfig {
  const move = <T extends Record<string, unknown>>(fields: T, names: readonly string[]): T => {
    const moved: Record<string, unknown> = { ...fields };
    for (const name of names) {
      const path = moved[name];
      if (typeof path === 'string' && path) moved[name] = absolutePath(config, path);
    }
    return moved as T;
  };
  // A command without a slash is looked for in $PATH.
  const moveExec = (user: Kubeconfig['users'][number]['user']) => {
    const exec = user['exec'] as { command?: unknown } | null | undefined;
    const command = exec?.command;
    if (typeof command !== 'string' || !command.includes('/')) return user;
    return { ...user, exec: { ...exec, command: absolutePath(config, command) } };
  };
  return {
    ...config,
    clusters: config.clusters.map(({ name, cluster }) => ({ name, cluster: move(cluster, CLUSTER_PATHS) })),
    users: config.users.map(({ name, user }) => ({ name, user: moveExec(move(user, USER_PATHS)) })),
  };
}

/** A path of the kubeconfig, from where the kubeconfig lies. */
export function absolutePath(config: Pick<Kubeconfig, 'origin'>, path: string): string {
  return isAbsolute(path) || !config.origin ? path : resolve(config.origin.directory, path);
}
