import { open, readFile, realpath, stat, unlink } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatKubeconfig, type Kubeconfig, mergeContext, parseKubeconfig } from '../../pki/kubeconfig.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { makeDirectories } from '../../std/directories.ts';

const LOCK_WAIT_MS = 10_000;
const LOCK_POLL_MS = 20;

/** Puts a cluster's context into a kubeconfig file and selects it; everything else in the file stays. */
export async function addContext(path: string, addition: Kubeconfig, clock: Clock): Promise<void> {
  await changeKubeconfig(path, clock, (existing) => mergeContext(existing, addition));
}

/** Takes a cluster's context, cluster and user out of a kubeconfig file again. A file that is not there has nothing to take out. */
export async function removeContext(path: string, name: string, clock: Clock): Promise<void> {
  await changeKubeconfig(path, clock, (existing) => existing && withoutContext(existing, name));
}

/** `config` without everything named `name`; undefined when there was nothing of it. */
export function withoutContext(config: Kubeconfig, name: string): Kubeconfig | undefined {
  const other = (entry: { name: string }) => entry.name !== name;
  const result = {
    ...config,
    clusters: config.clusters.filter(other),
    contexts: config.contexts.filter(other),
    users: config.users.filter(other),
    'current-context': config['current-context'] === name ? '' : config['current-context'],
  };
  const count = ({ clusters, contexts, users }: Kubeconfig) => clusters.length + contexts.length + users.length;
  return count(result) === count(config) && result['current-context'] === config['current-context'] ? undefined : result;
}

async function changeKubeconfig(
  path: string,
  clock: Clock,
  change: (existing: Kubeconfig | undefined) => Kubeconfig | undefined,
): Promise<void> {
  // A link stays a link: what it points to is replaced.
  const file = await realpath(path).catch(() => resolve(path));
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  // Looked at once without the lock, so that nothing is made on disk when nothing is to change.
  if (change(text === undefined ? undefined : await parseKubeconfig(text, dirname(file), path)) === undefined) return;
  await makeDirectories(dirname(file), 0o700);
  const unlock = await lock(`${file}.lock`, clock);
  try {
    const current = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const changed = change(current === undefined ? undefined : await parseKubeconfig(current, dirname(file), path));
    if (changed) await writeFileAtomic(file, formatKubeconfig(changed), { mode: 0o600 });
  } finally {
    await unlock();
  }
}

/** kubectl's own lock (client-go/tools/clientcmd/config.go, lockFile), so that the two wait for each other. */
async function lock(file: string, clock: Clock): Promise<() => Promise<void>> {
  const endMs = clock.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await (await open(file, 'wx', 0o600)).close();
      return () => unlink(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      if (clock.now() >= endMs) {
        const since = await stat(file).then(
          ({ mtime }) => ` since ${mtime.toISOString()}`,
          () => '',
        );
        throw new CodedError(`kubeconfig is locked${since}: remove ${file} if no kubectl is running`, {
          code: 'KUBECONFIG_LOCKED',
          cause: error,
        });
      }
      await clock.sleep(LOCK_POLL_MS);
    }
  }
}
