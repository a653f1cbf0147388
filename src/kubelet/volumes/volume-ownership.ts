/** fsGroup: the group of a volume and its modes (upstream's pkg/volume/volume_linux.go). */

import type { BigIntStats } from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import { directoryNames } from '../../host/directory-names.ts';
import { mountIdOf, type OpenEntry, openEntry, openIn } from '../../host/open-entry.ts';

export interface VolumeOwnership {
  readonly gid: number;
  /** Of the volume as such: its files are not made writable. */
  readonly readOnly: boolean;
  /** `fsGroupChangePolicy: OnRootMismatch`: nothing is looked at when the top has the right group and mode already. */
  readonly onlyOnRootMismatch: boolean;
}

const READ_WRITE = 0o660;
const READ_ONLY = 0o440;
const EXECUTE = 0o110;
const SET_GROUP_ID = 0o2000;

/** The mode that a file or directory gets: at least what the group needs. */
export function modeFor(mode: number, { isDirectory, readOnly }: { isDirectory: boolean; readOnly: boolean }): number {
  const needed = readOnly ? READ_ONLY : READ_WRITE;
  return (mode & 0o7777) | needed | (isDirectory ? SET_GROUP_ID | EXECUTE : 0);
}

/**
 * Gives the tree at `path` to a group. Links are not followed, other mounts in it are left alone. The top comes last, so that an
 * interrupted change is seen by its not having been reached.
 */
export async function applyOwnership(path: string, ownership: VolumeOwnership): Promise<void> {
  await using top = await openEntry(path);
  if (ownership.onlyOnRootMismatch && isRight(top.stats, ownership)) return;
  await applyBelow(top, ownership, await mountIdOf(top));
  await applyTo(top, ownership);
}

/** Each level takes an open file; who nests deeper means no good. */
const LARGEST_DEPTH = 500;

async function applyBelow(directory: OpenEntry, ownership: VolumeOwnership, mountId: number, depth = 1): Promise<void> {
  if (!directory.stats.isDirectory()) return;
  if (depth > LARGEST_DEPTH) throw new Error(`its directories are nested more than ${LARGEST_DEPTH} deep`);
  for await (const name of directoryNames(directory.path)) {
    await using entry = await openIfThere(directory, name);
    if (!entry) continue;
    if (entry.stats.isDirectory()) {
      if ((await mountIdOf(entry)) !== mountId) continue;
      await applyBelow(entry, ownership, mountId, depth + 1);
    }
    await applyTo(entry, ownership);
  }
}

async function openIfThere(directory: OpenEntry, name: Buffer): Promise<OpenEntry | undefined> {
  try {
    return await openIn(directory, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function applyTo(entry: OpenEntry, { gid, readOnly }: VolumeOwnership): Promise<void> {
  const { stats } = entry;
  if (stats.isSymbolicLink()) return;
  // Through the open entry: its name may mean another file by now. Changing the group takes bits of the mode away, so it comes first.
  if (Number(stats.gid) !== gid) await chown(entry.path, Number(stats.uid), gid);
  const mode = Number(stats.mode) & 0o7777;
  const wanted = modeFor(mode, { isDirectory: stats.isDirectory(), readOnly });
  if (wanted !== mode || Number(stats.gid) !== gid) await chmod(entry.path, wanted);
}

function isRight(stats: BigIntStats, { gid, readOnly }: VolumeOwnership): boolean {
  const mode = Number(stats.mode) & 0o7777;
  return Number(stats.gid) === gid && modeFor(mode, { isDirectory: stats.isDirectory(), readOnly }) === mode;
}
