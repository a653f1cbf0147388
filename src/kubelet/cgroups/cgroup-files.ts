import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The few things one does with a cgroup file system, by absolute path. Errors carry `code` (ENOENT, EBUSY, EINVAL) as the kernel's. */
export interface CgroupFiles {
  /** Undefined when the file is not there. */
  read(path: string): Promise<string | undefined>;
  write(path: string, value: string): Promise<void>;
  /** Succeeds when it is there already; the parent must be. */
  makeDirectory(path: string): Promise<void>;
  /** Succeeds when it is gone already. Rejects with EBUSY while processes or children are in it. */
  removeDirectory(path: string): Promise<void>;
  /** The names of the directories in one; undefined when that is not there. */
  directories(path: string): Promise<readonly string[] | undefined>;
}

/** The kernel's own. */
export const kernelCgroupFiles: CgroupFiles = {
  read: (path) => readFile(path, 'utf8').catch(ifGone(undefined)),
  // `r+`: a control file that the kernel does not offer must not be made.
  write: (path, value) => writeFile(path, value, { flag: 'r+' }),
  async makeDirectory(path) {
    await mkdir(path).catch(unless('EEXIST'));
  },
  async removeDirectory(path) {
    await rmdir(path).catch(unless('ENOENT', 'ENODEV'));
  },
  async directories(path) {
    const entries = await readdir(path, { withFileTypes: true }).catch(ifGone(undefined));
    return entries?.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  },
};

/** Every directory at and below `path`, deepest first; none when it is not there. */
export async function cgroupsBelow(files: CgroupFiles, path: string): Promise<string[]> {
  const names = await files.directories(path);
  if (!names) return [];
  const below: string[] = [];
  for (const name of names) for (const inner of await cgroupsBelow(files, join(path, name))) below.push(inner);
  below.push(path);
  return below;
}

function unless(...codes: string[]) {
  return (error: NodeJS.ErrnoException) => {
    if (!codes.includes(error.code ?? '')) throw error;
  };
}

/** ENODEV: the cgroup was removed while its file was open. */
function ifGone<T>(value: T) {
  return (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT' || error.code === 'ENODEV') return value;
    throw error;
  };
}
