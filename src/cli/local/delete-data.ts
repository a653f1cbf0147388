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
  'volumes',
];

/** Of those, what there is of a cluster however far it has come. */
const MADE = ['cluster.json', 'process.json', 'pki', 'store', 'nodes'];

/** Where a cluster is to be made, and none is yet. */
export interface UnmadePlace {
  readonly entry: string;
  /** Where its data is to be. */
  readonly directory: string;
  /** What a directory that was given held before; undefined when there is none but our own. */
  readonly theirs: ReadonlySet<string> | undefined;
  readonly wasLinked: boolean;
}

/** Undefined where there is something of a cluster, or that cannot be seen. */
export async function unmadePlace(entry: string, dataDir: string | undefined): Promise<UnmadePlace | undefined> {
  const directory = dataDir ?? entry;
  const wasLinked = (await lstat(entry).catch(() => undefined))?.isSymbolicLink() ?? false; // not there
  const names = existsSync(directory) ? await readdir(directory).catch(() => undefined) : []; // who makes it says why
  if (!names || names.some((name) => MADE.includes(name))) return undefined;
  const isGiven = existsSync(directory) && (dataDir !== undefined || wasLinked);
  return { entry, directory, theirs: isGiven ? new Set(names) : undefined, wasLinked };
}

/**
 * Takes away what a start has left that failed before there was a cluster: `ls` would show one that never was. What was there before stays, and a
 * cluster of that name that has its data elsewhere.
 */
export async function deleteUnmade({ entry, directory: place, theirs, wasLinked }: UnmadePlace): Promise<void> {
  if (!existsSync(entry) || !existsSync(place)) return;
  const { lockDirectory } = await import('../../cluster/process-lock.ts');
  const directory = realpathSync(entry);
  if (directory !== realpathSync(place)) return;
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
    for (const name of OWN_FILES)
      if (!theirs?.has(name)) await rm(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
    if (!wasLinked) await removeLink(entry);
    if (!theirs?.has(LOCK)) await rm(join(directory, LOCK), { force: true });
    if (!theirs) await unlessTaken(rmdir(directory));
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
