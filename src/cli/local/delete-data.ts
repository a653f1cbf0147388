import { existsSync, realpathSync } from 'node:fs';
import { lstat, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CodedError } from '../../std/coded-error.ts';

/** By which its owner keeps others out of the directory. */
const LOCK = 'lock';
/** All else that a cluster makes in its directory; a directory that was given may hold other people's files too. */
const OWN_FILES = [
  'cluster.json',
  'process.json',
  'kubeconfigs.json',
  'admin.kubeconfig',
  'cluster.log',
  'cluster.log.1',
  'lock-journal',
  'pki',
  'store',
  'nodes',
];

/** Of those, what there is of a cluster however far it has come. */
const MADE = ['cluster.json', 'process.json', 'pki', 'store', 'nodes'];

/** Whether a directory holds nothing of any cluster, or is not there. */
export const isUnmade = (entry: string): boolean => !MADE.some((name) => existsSync(join(entry, name)));

/**
 * Takes away what a start has left in an unmade directory that failed before there was a cluster: `ls` would show one that never was. What is
 * somebody else's stays.
 */
export async function deleteUnmade(entry: string): Promise<void> {
  if (!existsSync(entry)) return;
  const { lockDirectory } = await import('../../cluster/process-lock.ts');
  const directory = realpathSync(entry);
  let giveBack: () => void;
  try {
    giveBack = lockDirectory(directory);
  } catch (error) {
    // Somebody else starts one, or deletes it.
    if (error instanceof CodedError && error.code === 'DATA_LOCKED') return;
    throw error;
  }
  try {
    if (existsSync(join(directory, 'cluster.json'))) return;
    for (const name of OWN_FILES) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
    await removeLink(entry);
    await rm(join(directory, LOCK), { force: true });
    await unlessTaken(rmdir(directory));
  } finally {
    giveBack();
  }
}

/**
 * Deletes what a cluster has in its directory, whose lock the caller has.
 * Whoever waits for the lock finds that there is no cluster any more, and makes a new one where nothing is left of this one.
 */
export async function deleteData(directory: string, entry: string): Promise<void> {
  const isLinked = (await lstat(entry)).isSymbolicLink();
  const names = isLinked ? OWN_FILES : (await readdir(directory)).filter((name) => name !== LOCK);
  for (const name of names) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  if (isLinked) {
    await removeLink(entry);
    await rm(join(directory, LOCK), { force: true });
    await unlessTaken(rmdir(directory));
  } else {
    const aside = join(dirname(entry), `.${basename(entry)}.${process.pid}`);
    await rename(entry, aside);
    await rm(aside, { recursive: true });
  }
}

/** Of a cluster whose data is elsewhere. */
export async function removeLink(entry: string): Promise<void> {
  const found = await lstat(entry).catch(() => undefined); // gone by itself
  if (found?.isSymbolicLink()) await unlessTaken(unlink(entry));
}

/** Another `down` may have removed it, or an `up`, or whom the directory belongs to, put something there. */
async function unlessTaken(removing: Promise<void>): Promise<void> {
  await removing.catch((error: NodeJS.ErrnoException) => {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(error.code ?? '')) throw error;
  });
}
