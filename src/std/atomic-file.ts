import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rename, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeDirectories } from './directories.ts';

export interface WriteFileOptions {
  /** Permission bits; private keys and kubeconfigs take 0o600. */
  mode: number;
}

/**
 * Replaces `path` so that a reader, or a machine that loses power, sees the old content or the new, never a part:
 * written beside it, synced, renamed over it, and the directory synced.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array, options: WriteFileOptions): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  let file: FileHandle | undefined;
  try {
    file = await openNew(temporary, options.mode);
    // The mode given to open is cut by the umask.
    await file.chmod(options.mode);
    await file.writeFile(data);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
  } catch (error) {
    await file?.close();
    await unlink(temporary).catch(() => undefined); // the first error says more than a missing temporary file
    throw error;
  }
  await syncDirectory(directory);
}

/** A new file; its directory is made when it turns out to be missing, which it hardly ever is. */
async function openNew(path: string, mode: number): Promise<FileHandle> {
  try {
    return await open(path, 'wx', mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await makeDirectories(dirname(path));
    return open(path, 'wx', mode);
  }
}

/** Points the symbolic link `path` at `target`, replacing what was there in one step. */
export async function linkAtomic(path: string, target: string): Promise<void> {
  // Of a name of its own: `path` may be as long as names can be.
  const temporary = join(dirname(path), `.link-${randomBytes(6).toString('hex')}`);
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // the first error says more
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
