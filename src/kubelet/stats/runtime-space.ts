import { stat } from 'node:fs/promises';
import type { FilesystemUsage } from '../runtime/runtime-abilities.ts';
import { filesystemSpace } from './disk-usage.ts';
import type { TimedSpace } from './node-snapshot.ts';

/**
 * The file system on which the runtime keeps images or layers: its size and what is free, and as used what the runtime holds there, not
 * what others hold.
 */
export async function runtimeSpace(
  usages: readonly FilesystemUsage[] | undefined,
  clock: { now(): number },
): Promise<TimedSpace | undefined> {
  const first = usages?.[0];
  const space = first && (await filesystemSpace(first.mountpoint));
  if (!space) return undefined;
  const sum = (of: (usage: FilesystemUsage) => number) => usages!.reduce((total, usage) => total + of(usage), 0);
  return {
    ...space,
    usedBytes: sum(({ usedBytes }) => usedBytes),
    inodesUsed: sum(({ inodesUsed = 0 }) => inodesUsed),
    timeMs: clock.now(),
  };
}

/** Whether two paths lie on different file systems; false when one of them is not there. */
export async function onAnotherDisk(a: string | undefined, b: string | undefined): Promise<boolean> {
  if (!a || !b) return false;
  const device = (path: string) =>
    stat(path).then(
      ({ dev }) => dev,
      () => undefined,
    );
  const [first, second] = await Promise.all([device(a), device(b)]);
  return first !== undefined && second !== undefined && first !== second;
}
