/**
 * Files reached one name at a time from a directory that is held open, as openat(2) does it: whoever owns the tree may swap names for
 * symbolic links meanwhile, and will not lead us out of it.
 */

import type { BigIntStats } from 'node:fs';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';

/** Only a place in the tree is opened, not its content: no rights are needed, devices and pipes do nothing. Not among Node's own. */
const O_PATH = 0o10000000;

/** A place in the file tree that stays the same one, whatever happens to its name. */
export interface OpenEntry extends AsyncDisposable {
  readonly fd: number;
  /** A path of it for this process: `/proc/self/fd/<n>`. Following it leads to the entry, not to where its name points by now. */
  readonly path: string;
  /** The same for other programs: `/proc/<pid>/fd/<n>`. */
  readonly publicPath: string;
  readonly stats: BigIntStats;
}

/** Opens what `path` names, following no link at its end. The way to it must be trusted. */
export async function openEntry(path: string | Buffer): Promise<OpenEntry> {
  const handle: FileHandle = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    return {
      fd: handle.fd,
      path: `/proc/self/fd/${handle.fd}`,
      publicPath: `/proc/${process.pid}/fd/${handle.fd}`,
      stats: await handle.stat({ bigint: true }),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** What is called `name` in an open directory; a link is opened itself. */
export const openIn = (directory: OpenEntry, name: string | Buffer): Promise<OpenEntry> => openEntry(pathIn(directory, name));

/** For calls that take a path and do not follow a link at its end: unlink, mkdir, lchown. */
export function pathIn(directory: OpenEntry, name: string | Buffer): string | Buffer {
  return typeof name === 'string' ? `${directory.path}/${name}` : Buffer.concat([Buffer.from(`${directory.path}/`), name]);
}

/** The mount that an entry lies on: `mnt_id` of proc_pid_fdinfo(5). Two directories of one file system may lie on different mounts. */
export async function mountIdOf({ fd }: OpenEntry): Promise<number> {
  const id = /^mnt_id:\s*(\d+)$/m.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
  if (id === undefined) throw new Error('the kernel does not tell the mount of an open file');
  return Number(id);
}
