import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { linkAtomic } from '../../std/atomic-file.ts';
import { CodedError } from '../../std/coded-error.ts';
import { FlagError } from '../../std/flags.ts';
import { type Environment, homeDirectory } from './kubeconfig-location.ts';

export const DEFAULT_CLUSTER = 'muster';

/** Where clusters are kept: `$MUSTER_HOME`, else `$XDG_DATA_HOME/muster`, else `~/.local/share/muster`; below it one entry a cluster. */
export function clustersDirectory(env: Environment): string {
  const home = env['MUSTER_HOME'] || join(env['XDG_DATA_HOME'] || join(homeDirectory(env), '.local', 'share'), 'muster');
  return join(resolve(home), 'clusters');
}

const CLUSTER_NAME = /^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$/;

/** @throws FlagError for a name that could not be a file's and a kubeconfig context's */
export function checkClusterName(name: string): string {
  if (CLUSTER_NAME.test(name)) return name;
  throw new FlagError(
    '--name',
    `invalid argument ${JSON.stringify(name)} for "--name" flag: must be lower-case letters, digits and dashes, at most 50`,
  );
}

/** The directory of a cluster that may exist. With `--data-dir` at `up`, an entry is a link to where the data is. */
export function clusterDirectory(env: Environment, name: string): string {
  return join(clustersDirectory(env), name);
}

/**
 * Makes `name` known as the cluster whose data is in `dataDirectory`.
 *
 * @throws CodedError DATA_ELSEWHERE when a cluster of that name keeps its data in another place
 */
export async function registerDirectory(env: Environment, name: string, dataDirectory: string): Promise<void> {
  const entry = clusterDirectory(env, name);
  const present = await lstat(entry).catch(() => undefined); // not there: nothing to compare
  if (present?.isSymbolicLink()) {
    const target = await readlink(entry);
    if (target === dataDirectory) return;
    if (await realpath(entry).catch(() => undefined)) throw elsewhere(name, target);
  } else if (present) throw elsewhere(name, entry);
  await linkAtomic(entry, dataDirectory);
}

function elsewhere(name: string, where: string): CodedError {
  return new CodedError(
    `cluster "${name}" has its data in ${where}; leave out --data-dir, choose another --name, or run "muster down --name ${name}"`,
    {
      code: 'DATA_ELSEWHERE',
    },
  );
}

/** Names of all clusters that are kept, in order. What is called as none can be (`lost+found`, a copy `muster.old`) is none. */
export async function clusterNames(env: Environment): Promise<string[]> {
  const entries = await readdir(clustersDirectory(env)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return entries.filter((name) => CLUSTER_NAME.test(name)).sort();
}
