import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupMounts } from '../cgroups/cgroup-mounts.ts';
import { type CgroupSample, cgroupSample, sampleFiles } from './cgroup-sample.ts';

/** Where a process or a name lies in the trees: a path for each controller, below its tree's mount point. */
export type CgroupPaths = (controller: string) => string | undefined;

export type ReadText = (path: string) => Promise<string | undefined>;

/** Undefined when the file is not there, or went away while it was read. */
export const readText: ReadText = (path) =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    // ESRCH and ENODEV: the process or cgroup is gone. EOPNOTSUPP: the kernel measures it not here (pressure, at the root).
    if (['ENOENT', 'ESRCH', 'ENODEV', 'EOPNOTSUPP', 'ENOTSUP', 'EINVAL'].includes(error.code ?? '')) return undefined;
    throw error;
  });

/** Undefined when no tree has the cgroup. */
export async function readCgroup(
  mounts: CgroupMounts,
  paths: CgroupPaths,
  clock: { now(): number },
  read: ReadText = readText,
): Promise<CgroupSample | undefined> {
  const texts = await Promise.all(
    sampleFiles(mounts.version).map(async (file): Promise<[string, string | undefined]> => {
      const controller = file.split('.')[0]!;
      const tree = mounts.version === 2 ? mounts.trees[0] : mounts.controllers.get(controller);
      const path = paths(controller);
      return [file, tree !== undefined && path !== undefined ? await read(join(tree, path, file)) : undefined];
    }),
  );
  const found = new Map(texts);
  if (texts.every(([, text]) => text === undefined)) return undefined;
  return cgroupSample((file) => found.get(file), mounts.version, clock.now());
}

/** The same path in every tree. */
export const samePath =
  (path: string): CgroupPaths =>
  () =>
    path;

/** From /proc/<pid>/cgroup (cgroups(7)): lines `4:memory:/a/b`, on v2 the one `0::/a/b`. */
export function parseProcCgroup(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match) for (const controller of match[1]!.split(',')) paths.set(controller, match[2]!);
  }
  return paths;
}

/** Where a process lies; undefined when it is gone. */
export async function cgroupOfProcess(pid: number, version: 1 | 2, read: ReadText = readText): Promise<CgroupPaths | undefined> {
  const text = await read(`/proc/${pid}/cgroup`);
  if (text === undefined) return undefined;
  const paths = parseProcCgroup(text);
  const unified = paths.get('');
  return (controller) => (version === 2 ? unified : paths.get(controller));
}
