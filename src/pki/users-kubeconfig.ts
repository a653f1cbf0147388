import { delimiter, join } from 'node:path';
import { CodedError } from '../std/coded-error.ts';
import type { Environment } from './environment-proxy.ts';
import { type Kubeconfig, mergeContext, readKubeconfig } from './kubeconfig.ts';
import { withAbsolutePaths } from './kubeconfig-paths.ts';

/**
 * The kubeconfig of whoever runs a command, as kubectl finds it: the file that is named, else those of `$KUBECONFIG` together, else
 * `~/.kube/config`. Undefined when there is nowhere to look.
 */
export async function readUsersKubeconfig(named: string, env: Environment): Promise<Kubeconfig | undefined> {
  const listed = named ? [named] : (env['KUBECONFIG'] ?? '').split(delimiter).filter(Boolean);
  const home = env['HOME'];
  const [first = home && join(home, '.kube', 'config'), ...others] = listed;
  if (!first) return undefined;
  return others.length > 0 ? readTogether([first, ...others]) : readKubeconfig(first);
}

/** What stands in several files counts as the first has it. Files that are missing are passed over, unless all are. */
async function readTogether(paths: readonly string[]): Promise<Kubeconfig> {
  const read = await Promise.all(paths.map((path) => readKubeconfig(path).catch(unlessMissing)));
  const [last, ...before] = read.filter((config) => config !== undefined).reverse();
  const path = paths.join(delimiter);
  if (!last) throw new CodedError(`kubeconfig ${path}: no such file`, { code: 'KUBECONFIG_UNREADABLE' });
  const merged = before.reduce(mergeContext, withAbsolutePaths(last));
  return { ...merged, origin: { directory: last.origin?.directory ?? '.', path } };
}

function unlessMissing(error: Error): undefined {
  if ((error.cause as NodeJS.ErrnoException | undefined)?.code !== 'ENOENT') throw error;
}
