import { readdir, statfs } from 'node:fs/promises';
import { mountIdOf, type OpenEntry, openEntry, openIn } from '../../host/open-entry.ts';

/** Bytes and inodes of one volume, as /stats/summary tells them. */
export interface VolumeUsage {
  readonly name: string;
  /** `kubernetes.io/empty-dir` */
  readonly plugin: string;
  /** Of a volume behind a claim. */
  readonly claim?: { readonly namespace: string; readonly name: string };
  /** It counts as the pod's ephemeral storage: files on the node's own disk. */
  readonly ephemeral: boolean;
  readonly usedBytes: number;
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly inodesUsed: number;
  readonly inodesFree: number;
  readonly inodes: number;
}

export type Amounts = Pick<
  VolumeUsage,
  'usedBytes' | 'availableBytes' | 'capacityBytes' | 'inodesUsed' | 'inodesFree' | 'inodes'
>;

/** Of a volume that is a file system of its own. */
export async function filesystemAmounts(path: string): Promise<Amounts> {
  const { bsize, blocks, bfree, bavail, files, ffree } = await statfs(path);
  return {
    usedBytes: (blocks - bfree) * bsize,
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    inodesUsed: files - ffree,
    inodesFree: ffree,
    inodes: files,
  };
}

/** Of a directory on a file system that it shares: what it holds itself is counted, as du(1) does. */
export async function directoryAmounts(path: string): Promise<Amounts> {
  const shared = await filesystemAmounts(path);
  const count = { bytes: 0, inodes: 0, linked: new Set<bigint>() };
  await using top = await openEntry(path);
  await countTree(top, await mountIdOf(top), count);
  return { ...shared, usedBytes: count.bytes, inodesUsed: count.inodes };
}

const BLOCK_BYTES = 512;

interface Count {
  bytes: number;
  inodes: number;
  /** Files with several names, which count once. */
  readonly linked: Set<bigint>;
}

async function countTree(entry: OpenEntry, mountId: number, count: Count): Promise<void> {
  const { stats } = entry;
  if (stats.nlink > 1n && !stats.isDirectory()) {
    if (count.linked.has(stats.ino)) return;
    count.linked.add(stats.ino);
  }
  count.bytes += Number(stats.blocks) * BLOCK_BYTES;
  count.inodes++;
  if (!stats.isDirectory() || (await mountIdOf(entry)) !== mountId) return;
  for (const name of await readdir(entry.path, { encoding: 'buffer' })) {
    let child: OpenEntry;
    try {
      child = await openIn(entry, name);
    } catch (error) {
      // Files come and go while they are counted.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    try {
      await countTree(child, mountId, count);
    } finally {
      await child[Symbol.asyncDispose]();
    }
  }
}
