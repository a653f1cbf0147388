import { lstat, statfs } from 'node:fs/promises';
import { directoryNames } from '../../host/directory-names.ts';
import { type OpenEntry, openEntry } from '../../host/open-entry.ts';

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
  // No recursion: directories of containers may be nested as deep as they like. Names as bytes: not every one is text.
  const open: Place[] = top.isDirectory() ? [{ path: Buffer.from(path), anchor: undefined }] : [];
  try {
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const place = await within(next);
      for await (const name of namesIn(place.path)) {
        const entry = Buffer.concat([place.path, SLASH, name]);
        const found = await lstat(entry).catch(ifGone);
        if (!found || found.dev !== top.dev) continue;
        if (found.nlink > 1 && !found.isDirectory()) {
          if (seen.has(String(found.ino))) continue;
          seen.add(String(found.ino));
        }
        usedBytes += found.blocks * BLOCK_BYTES;
        inodesUsed++;
        if (!found.isDirectory()) continue;
        if (place.anchor) place.anchor.uses++;
        open.push({ path: entry, anchor: place.anchor });
      }
      await letGo(place.anchor);
    }
  } finally {
    for (const { anchor } of open) await letGo(anchor);
  }
  return { usedBytes, inodesUsed };
}

interface Place {
  readonly path: Buffer;
  /** What the path begins at, when it is not the root. */
  readonly anchor: Anchor | undefined;
}

/** A directory held open, since a path to what lies below it would be longer than the kernel takes. */
interface Anchor {
  readonly entry: OpenEntry;
  uses: number;
}

const SLASH = Buffer.from('/');
/** The kernel's limit is 4,096, with the longest name behind. */
const LONGEST_PATH_BYTES = 3800;

/** The same place by a path that leaves room for names. One that is gone stays as it is. */
async function within({ path, anchor }: Place): Promise<Place> {
  if (path.length <= LONGEST_PATH_BYTES) return { path, anchor };
  const entry = await openEntry(path).catch(ifGone);
  if (!entry) return { path, anchor };
  await letGo(anchor);
  return { path: Buffer.from(entry.path), anchor: { entry, uses: 1 } };
}

async function letGo(anchor: Anchor | undefined): Promise<void> {
  if (anchor && --anchor.uses === 0) await anchor.entry[Symbol.asyncDispose]();
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

async function* namesIn(path: Buffer): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* directoryNames(path);
  } catch (error) {
    ifGone(error as NodeJS.ErrnoException);
  }
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
