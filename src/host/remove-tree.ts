import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CodedError } from '../std/coded-error.ts';
import { mountIdOf, type OpenEntry, openEntry, openIn, pathIn } from './open-entry.ts';

/** Deeper directories are moved up first, so that a tree of any depth needs only so many open files. */
const LARGEST_DEPTH = 50;
const UNLINKS_AT_ONCE = 16;

/**
 * Removes what is at `path`, a whole tree if it is a directory. Follows no link, and stops at whatever is mounted in the tree: what
 * hangs there is somebody's data. Succeeds when there is nothing. The way to `path` must be trusted, the tree need not be.
 *
 * @throws CodedError TREE_HAS_MOUNT naming the place; the rest of the tree may be gone by then
 */
export async function removeTree(path: string): Promise<void> {
  await using parent = await openIfThere(dirname(path));
  if (!parent) return;
  const mountId = await mountIdOf(parent);
  {
    await using root = await openIfThere(path);
    if (!root) return;
    if (root.stats.isDirectory()) await empty({ mountId, top: root }, root, 0, path);
  }
  await removeEmpty(path, path);
}

interface Removal {
  readonly mountId: number;
  readonly top: OpenEntry;
}

async function empty(removal: Removal, directory: OpenEntry, depth: number, at: string): Promise<void> {
  if ((await mountIdOf(directory)) !== removal.mountId) throw hasMount(at);
  for (;;) {
    // As bytes: processes may give their files names that are no text.
    const entries: Dirent<Buffer>[] = await readdir(directory.path, { withFileTypes: true, encoding: 'buffer' });
    if (entries.length === 0) return;
    const files = entries.filter((entry) => !entry.isDirectory());
    for (let i = 0; i < files.length; i += UNLINKS_AT_ONCE)
      await Promise.all(files.slice(i, i + UNLINKS_AT_ONCE).map(({ name }) => remove(unlink, directory, name, at)));
    for (const { name } of entries.filter((entry) => entry.isDirectory())) await emptyChild(removal, directory, name, depth, at);
  }
}

async function emptyChild(removal: Removal, directory: OpenEntry, name: Buffer, depth: number, at: string): Promise<void> {
  const childPath = `${at}/${name}`;
  if (depth >= LARGEST_DEPTH) {
    const target = pathIn(removal.top, `..moved-${randomBytes(8).toString('hex')}`);
    try {
      await rename(pathIn(directory, name), target);
    } catch (error) {
      throw explain(error, childPath);
    }
    return;
  }
  {
    await using child = await openIn(directory, name);
    // Swapped meanwhile: the next look at the directory sees what it is now.
    if (!child.stats.isDirectory()) return;
    await empty(removal, child, depth + 1, childPath);
  }
  await remove(rmdir, directory, name, at);
}

async function remove(how: typeof unlink, directory: OpenEntry, name: Buffer, at: string): Promise<void> {
  try {
    await how(pathIn(directory, name));
  } catch (error) {
    if (!isMissing(error)) throw explain(error, `${at}/${name}`);
  }
}

async function removeEmpty(path: string, at: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') await unlink(path);
    else if (code !== 'ENOENT') throw explain(error, at);
  }
}

function explain(error: unknown, at: string): unknown {
  return ['EBUSY', 'EXDEV'].includes((error as NodeJS.ErrnoException).code ?? '') ? hasMount(at, error) : error;
}

const hasMount = (at: string, cause?: unknown) =>
  new CodedError(`${basename(at)}: something is still mounted at ${at}`, { code: 'TREE_HAS_MOUNT', retryable: true, cause });

async function openIfThere(path: string): Promise<OpenEntry | undefined> {
  try {
    return await openEntry(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';
