/** Counts of the whole machine from /proc. Pure. */
import type { MountEntry } from '../../host/mount-info.ts';
import type { MemorySample } from './cgroup-sample.ts';

/** /proc/meminfo in bytes. */
export function parseMemInfo(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(\S+):\s+(\d+)(?: kB)?$/.exec(line.trim());
    if (match) found.set(match[1]!, Number(match[2]) * (line.includes(' kB') ? 1024 : 1));
  }
  return found;
}

/** How many tasks there are, from /proc/loadavg (`0.1 0.2 0.3 1/345 6789`). */
export function tasksOf(loadAverage: string): number {
  return Number(/ \d+\/(\d+) /.exec(loadAverage)?.[1] ?? 0);
}

/** Block devices from /proc/partitions: `major:minor` → `/dev/sda`. */
export function parsePartitions(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [major = '', minor = '', , name] = line.trim().split(/\s+/);
    if (/^\d+$/.test(major) && /^\d+$/.test(minor) && name) found.set(`${major}:${minor}`, `/dev/${name}`);
  }
  return found;
}

/** What is mounted where a path lies. */
export function deviceOf(mounts: readonly MountEntry[], path: string): string | undefined {
  const holds = (mountPoint: string) => mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
  const found = mounts.filter(({ mountPoint }) => holds(mountPoint));
  return found.reduce<MountEntry | undefined>((a, b) => (a && a.mountPoint.length > b.mountPoint.length ? a : b), undefined)
    ?.source;
}

/** The memory of the whole machine, measured like a cgroup's, where the kernel has no such numbers of the root. */
export function machineMemory(info: ReadonlyMap<string, number>): MemorySample {
  const of = (name: string) => info.get(name) ?? 0;
  const usageBytes = of('MemTotal') - of('MemFree');
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - of('Inactive(file)')),
    rssBytes: of('AnonPages'),
    cacheBytes: of('Cached'),
    swapBytes: of('SwapTotal') - of('SwapFree'),
    mappedFileBytes: of('Mapped'),
    maxUsageBytes: 0,
    failures: 0,
    pageFaults: 0,
    majorPageFaults: 0,
    oomKills: 0,
  };
}
