import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * The files of one container's log: `0.log`, which the runtime writes, and those that rotation put aside,
 * `0.log.20260122-150405` and older `0.log.20260122-140000.gz` (pkg/kubelet/logs).
 */
const ROTATED = /^\.(\d{8}-\d{6})(\.gz)?(\.tmp)?$/;

export interface RotatedFile {
  readonly path: string;
  /** When it was put aside: sorts by age. */
  readonly time: string;
  readonly compressed: boolean;
}

export interface RotatedFiles {
  /** Oldest first, one a time. */
  readonly files: readonly RotatedFile[];
  /** What rotation left unfinished: temporary files, and those that exist compressed as well. */
  readonly unused: readonly string[];
}

export async function rotatedFiles(logPath: string): Promise<RotatedFiles> {
  return sortRotated(logPath, await namesIn(dirname(logPath)));
}

/** Pure: which of a directory's names belong to this log, and how. */
export function sortRotated(logPath: string, names: readonly string[]): RotatedFiles {
  const directory = dirname(logPath);
  const base = basename(logPath);
  const byTime = new Map<string, RotatedFile>();
  const unused: string[] = [];
  for (const name of names) {
    if (!name.startsWith(base)) continue;
    const [, time, gzip, temporary] = ROTATED.exec(name.slice(base.length)) ?? [];
    if (!time) continue;
    const file: RotatedFile = { path: join(directory, name), time, compressed: gzip !== undefined };
    const other = byTime.get(time);
    if (temporary) unused.push(file.path);
    else if (!other) byTime.set(time, file);
    else {
      byTime.set(time, file.compressed ? file : other);
      unused.push((file.compressed ? other : file).path);
    }
  }
  const files = [...byTime.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
  return { files, unused };
}

/** As Go writes it with `20060102-150405`. In UTC, so that names sort by age when local time goes back. */
export function rotationTime(nowMs: number): string {
  const t = new Date(nowMs);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${t.getUTCFullYear()}${two(t.getUTCMonth() + 1)}${two(t.getUTCDate())}-${two(t.getUTCHours())}${two(t.getUTCMinutes())}${two(t.getUTCSeconds())}`;
}

/** Removes a container's log with all that rotation made of it; what is gone already is no failure. */
export async function removeLogs(logPath: string): Promise<void> {
  const names = await namesIn(dirname(logPath));
  const { files, unused } = sortRotated(logPath, names);
  for (const path of [...files.map((file) => file.path), ...unused, logPath]) await rm(path, { force: true });
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
