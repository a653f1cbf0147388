/**
 * A part of a volume, held fast for a container: whoever owns the volume may swap its names for links at any time, so the place is
 * opened link by link and what was opened is bind-mounted where only the kubelet writes (upstream's pkg/volume/util/subpath).
 *
 *     pods/<uid>/volume-subpaths/<volume>/<container>/<number of the mount>
 */
import { open, realpath, rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Mounts } from '../../host/mounts.ts';
import { type OpenEntry, openEntry } from '../../host/open-entry.ts';
import { makeDirectoriesBelow, namesOf, openBelow } from '../../host/paths-below.ts';
import { makeDirectories } from '../../std/directories.ts';
import type { VolumeCalls } from './volume-calls.ts';

export interface SubPathRequest {
  /** Where the volume is. The way to it is the kubelet's or the administrator's. */
  readonly volumePath: string;
  /** As `ReadyVolume.isOwn`. */
  readonly isOwn?: boolean | undefined;
  /** Checked: relative and without `..`. */
  readonly subPath: string;
  /** Where the part is to be mounted, below the pod's directory. */
  readonly target: string;
}

/**
 * Mounts `subPath` of a volume at `target` and answers that. A part that is missing is made: directories with the mode of the volume's
 * own. A mount of an earlier container is kept when it shows the same file, and replaced when not.
 */
export async function bindSubPath(
  request: SubPathRequest,
  { mounts, calls }: { readonly mounts: Mounts; readonly calls: VolumeCalls },
): Promise<string> {
  const { target, volumePath } = request;
  const mounted = await mounts.at(target);
  const look = async () => {
    const entry = await openPart(request);
    try {
      return { entry, isThere: mounted !== undefined && (await isSame(target, entry)) };
    } catch (error) {
      await entry[Symbol.asyncDispose]();
      throw error;
    }
  };
  const found = request.isOwn ? await look() : await calls.run(volumePath, look, ({ entry }) => entry[Symbol.asyncDispose]());
  await using entry = found.entry;
  if (entry.stats.isSymbolicLink()) throw new Error(`subpath ${JSON.stringify(request.subPath)} is a symbolic link`);
  if (found.isThere) return target;
  if (mounted) await mounts.unmount(target);
  await makeTarget(target, entry.stats.isDirectory());
  await mounts.bind({ source: entry.publicPath, target });
  return target;
}

async function isSame(path: string, { stats }: OpenEntry): Promise<boolean> {
  await using other = await openEntry(path);
  return other.stats.dev === stats.dev && other.stats.ino === stats.ino;
}

async function openPart({ volumePath, subPath }: SubPathRequest): Promise<OpenEntry> {
  const base = await realpath(volumePath);
  const { existing, missing } = await resolveExisting(base, namesOf(subPath));
  if (missing.length === 0) return openBelow(base, existing);
  const { mode } = await stat(base);
  return makeDirectoriesBelow(base, [...namesOf(existing), ...missing].join('/'), mode & 0o7777);
}

/**
 * The longest beginning of the path that is there, its links resolved, and the names that are not there yet. What it resolves to may
 * have changed by the time that it is opened: links are not followed then.
 */
async function resolveExisting(base: string, names: readonly string[]): Promise<{ existing: string; missing: string[] }> {
  for (let count = names.length; count > 0; count--) {
    const path = join(base, ...names.slice(0, count));
    const resolved = await realpath(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (resolved === undefined) continue;
    const below = relative(base, resolved);
    if (below === '..' || below.startsWith('../')) throw new Error(`subpath "${resolved}" not within volume path "${base}"`);
    return { existing: below, missing: names.slice(count) };
  }
  return { existing: '', missing: [...names] };
}

/** What is mounted upon: a file for a file. One of the other kind is left from a part that has changed. */
async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await makeDirectories(dirname(target), 0o750);
  const there = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there && there.isDirectory() !== isDirectory) await (there.isDirectory() ? rmdir(target) : unlink(target));
  if (isDirectory) await makeDirectories(target, 0o750);
  else await (await open(target, 'a', 0o640)).close();
}
