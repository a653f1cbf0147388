import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  readonly usedBytes: number;
  /** Files, directories and links. */
  readonly inodesUsed: number;
}

export interface FilesystemSpace extends DiskUsage {
  readonly capacityBytes: number;
  readonly availableBytes: number;
  readonly inodes: number;
  readonly inodesFree: number;
}

/** What a stat says in blocks is in these. */
const BLOCK_BYTES = 512;

/**
 * What lies at and below a path, as du(1) counts it: blocks on the disk, a file with several names once, other file systems not at all.
 * Links are not followed. What goes away meanwhile is not counted; nothing for a path that is not there.
 */
export async function diskUsage(path: string): Promise<DiskUsage> {
  const top = await lstat(path).catch(ifGone);
  if (!top) return { usedBytes: 0, inodesUsed: 0 };
  const seen = new Set<string>();
  let usedBytes = top.blocks * BLOCK_BYTES;
  let inodesUsed = 1;
  // No recursion: directories of containers may be nested as deep as they like.
  const open = top.isDirectory() ? [path] : [];
  for (let directory = open.pop(); directory !== undefined; directory = open.pop()) {
    const names = (await readdir(directory).catch(ifGone)) ?? [];
    for (const name of names) {
      const entry = join(directory, name);
      const found = await lstat(entry).catch(ifGone);
      if (!found || found.dev !== top.dev) continue;
      if (found.nlink > 1 && !found.isDirectory()) {
        if (seen.has(String(found.ino))) continue;
        seen.add(String(found.ino));
      }
      usedBytes += found.blocks * BLOCK_BYTES;
      inodesUsed++;
      if (found.isDirectory()) open.push(entry);
    }
  }
  return { usedBytes, inodesUsed };
}

/** Of the file system that a path lies on; undefined when it is not there. */
export async function filesystemSpace(path: string): Promise<FilesystemSpace | undefined> {
  const space = await statfs(path).catch(ifGone);
  if (!space) return undefined;
  return {
    capacityBytes: space.blocks * space.bsize,
    availableBytes: space.bavail * space.bsize,
    usedBytes: (space.blocks - space.bfree) * space.bsize,
    inodes: space.files,
    inodesFree: space.ffree,
    inodesUsed: space.files - space.ffree,
  };
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
