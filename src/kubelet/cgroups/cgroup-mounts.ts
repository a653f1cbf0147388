import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseMountInfo } from '../../host/mount-info.ts';
import { CodedError } from '../../std/coded-error.ts';

/** Where a machine's cgroups are. */
export interface CgroupMounts {
  /** 2: one tree for all controllers. 1: a tree for each, or for a few together (also when v2 is mounted beside them). */
  readonly version: 1 | 2;
  /** The mount points of all trees, each once. */
  readonly trees: readonly string[];
  /** Controller → mount point of its tree: `cpu`, `memory`, `pids`, `hugetlb`, … */
  readonly controllers: ReadonlyMap<string, string>;
}

/** The options of v1's mounts that are no controllers. */
const NO_CONTROLLERS: ReadonlySet<string> = new Set(['rw', 'ro', 'relatime', 'noprefix', 'clone_children', 'xattr', 'none']);

/**
 * @param mountInfo as /proc/self/mountinfo shows it
 * @param unifiedControllers what `cgroup.controllers` of a v2 tree says
 */
export function findCgroupMounts(mountInfo: string, unifiedControllers: (mountPoint: string) => string): CgroupMounts {
  const entries = parseMountInfo(mountInfo);
  const controllers = new Map<string, string>();
  const trees: string[] = [];
  for (const { fsType, mountPoint, superOptions } of entries) {
    if (fsType !== 'cgroup') continue;
    const named = superOptions.filter((word) => !NO_CONTROLLERS.has(word) && !word.includes('='));
    // The same tree may be mounted twice; the first place counts.
    if (named.length > 0 && named.every((name) => controllers.has(name))) continue;
    trees.push(mountPoint);
    for (const name of named) if (!controllers.has(name)) controllers.set(name, mountPoint);
  }
  const unified = entries.find(({ fsType }) => fsType === 'cgroup2')?.mountPoint;
  if (controllers.size > 0) return { version: 1, trees: unified ? [...trees, unified] : trees, controllers };
  if (!unified)
    throw new CodedError('failed to find cgroup mounts: no file system of type cgroup or cgroup2 is mounted', {
      code: 'CGROUPS_MISSING',
    });
  const names = unifiedControllers(unified).split(/\s+/).filter(Boolean);
  return { version: 2, trees: [unified], controllers: new Map(names.map((name) => [name, unified])) };
}

/** This machine's. */
export async function readCgroupMounts(): Promise<CgroupMounts> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  const unified = parseMountInfo(mountInfo).find(({ fsType }) => fsType === 'cgroup2')?.mountPoint;
  const names = unified ? await readFile(join(unified, 'cgroup.controllers'), 'utf8') : '';
  return findCgroupMounts(mountInfo, () => names);
}

/** Without these no pod can be kept as its spec says. Kernels without cpuset have v2, too: there it only keeps pods to some CPUs. */
const REQUIRED = { 1: ['cpu', 'cpuacct', 'cpuset', 'memory'], 2: ['cpu', 'memory'] } as const;

/**
 * What of the machine's cgroups is missing.
 *
 * @throws CodedError CGROUPS_MISSING naming the controllers that no kubelet can do without, and those that the configuration asks for
 * @returns the others, for one warning
 */
export function checkControllers(
  mounts: CgroupMounts,
  asked: { readonly pidLimit: boolean; readonly hugePages: boolean; readonly ownCpus: boolean },
): string[] {
  const lacking = (names: readonly string[]) => names.filter((name) => !mounts.controllers.has(name));
  const required = lacking(REQUIRED[mounts.version]);
  if (required.length > 0)
    throw new CodedError(
      `system validation failed - Following Cgroup subsystem not mounted: [${required.join(' ')}]; cgroup v${mounts.version} has ${[...mounts.controllers.keys()].join(', ') || 'none'}`,
      { code: 'CGROUPS_MISSING' },
    );
  if (asked.pidLimit && lacking(['pids']).length > 0)
    throw new CodedError('podPidsLimit (--pod-max-pids) needs the cgroup controller pids, which is not mounted', {
      code: 'CGROUPS_MISSING',
    });
  if (asked.ownCpus && lacking(['cpuset']).length > 0)
    throw new CodedError(
      'cpuManagerPolicy (--cpu-manager-policy) "static" needs the cgroup controller cpuset, which is not mounted',
      {
        code: 'CGROUPS_MISSING',
      },
    );
  return lacking(['cpuset', 'pids', ...(asked.hugePages ? ['hugetlb'] : [])]);
}
