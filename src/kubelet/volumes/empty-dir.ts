import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';
import type { Mounts } from '../../host/mounts.ts';
import { memoryVolumeBytes } from './memory-size.ts';
import { ownershipFor } from './pod-groups.ts';
import type { VolumeKind } from './volume-kind.ts';
import { applyOwnership } from './volume-ownership.ts';

export interface EmptyDirOptions {
  readonly mounts: Mounts;
  readonly allocatable: () => Readonly<Record<string, string>>;
  /** `6.18.44`; default: this machine's. */
  readonly kernelRelease?: string;
  /** Where the kernel tells of huge pages. */
  readonly hugePagesDirectory?: string;
}

export interface DirectoryRequest {
  readonly pod: V1Pod;
  readonly directory: string;
  /** `''`, `Memory`, `HugePages`, `HugePages-2Mi`. */
  readonly medium?: string;
  readonly sizeLimit?: string;
}

const PLUGIN = 'kubernetes.io/empty-dir';

export function createEmptyDir(options: EmptyDirOptions): VolumeKind {
  return {
    plugin: PLUGIN,
    refreshed: false,
    async setUp({ pod, directory, volume }) {
      const { medium, sizeLimit } = volume.emptyDir ?? {};
      if (!(await isReady(directory, medium, options.mounts))) {
        await makeDirectory({ pod, directory, medium, sizeLimit }, options);
        const ownership = ownershipFor(pod, false);
        if (ownership) await applyOwnership(directory, ownership);
        await markReady(directory);
      }
      return { path: directory, readOnly: false, isOwn: true, relabel: true };
    },
  };
}

/** The empty directory itself, on disk or as a mount of its own; one that is there is left as it is. */
export async function makeDirectory(request: DirectoryRequest, options: EmptyDirOptions): Promise<void> {
  const { directory, medium = '' } = request;
  const { mounts } = options;
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const mounted = await mounts.at(directory);
  if (mounted) return;
  // Whatever the umask is, everybody may use the pod's scratch space.
  await chmod(directory, 0o777);
  if (medium === '') return;
  if (medium === 'Memory') {
    const bytes = memoryVolumeBytes(request.pod, request.sizeLimit, options.allocatable()['memory']);
    const words = bytes === undefined ? [] : [`size=${bytes}`];
    // What must not touch a disk must not be swapped out to one either.
    if (knowsNoSwap(options.kernelRelease ?? release())) words.push('noswap');
    await mounts.mount({ source: 'tmpfs', target: directory, fsType: 'tmpfs', options: words });
    return;
  }
  const pageSize = await hugePageSize(request, options.hugePagesDirectory ?? '/sys/kernel/mm/hugepages');
  const words = [`pagesize=${pageSize.name}`, ...(pageSize.limit ? [`size=${pageSize.limit}`] : [])];
  await mounts.mount({ source: 'nodev', target: directory, fsType: 'hugetlbfs', options: words });
  await chmod(directory, 0o777);
}

/** tmpfs takes `noswap` since Linux 6.4. */
export function knowsNoSwap(kernelRelease: string): boolean {
  const [major = 0, minor = 0] = kernelRelease.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 4);
}

/** The page size of the medium, which the machine must have pages of. */
async function hugePageSize({ pod, medium = '' }: DirectoryRequest, root: string) {
  const named = /^HugePages(?:-(.+))?$/.exec(medium);
  if (!named) throw new Error(`unknown storage medium: ${JSON.stringify(medium)}`);
  const limits = new Map<string, string>();
  for (const { resources } of pod.spec?.containers ?? [])
    for (const [name, amount] of Object.entries({ ...resources?.requests, ...resources?.limits }))
      if (name.startsWith('hugepages-')) limits.set(name.slice('hugepages-'.length), amount);
  const size = named[1] ?? (limits.size === 1 ? [...limits.keys()][0] : undefined);
  if (!size) throw new Error('the pod does not ask for exactly one size of huge pages, and medium HugePages does not name one');
  const kilobytes = quantityValue(parseQuantity(size)) / 1024n;
  const pages = await readFile(join(root, `hugepages-${kilobytes}kB`, 'nr_hugepages'), 'utf8').catch(() => '0');
  if (Number(pages) === 0) throw new Error(`medium ${medium}: this machine has no huge pages of size ${size}`);
  const limit = limits.get(size);
  return { name: `${kilobytes}K`, limit: limit && quantityValue(parseQuantity(limit)) };
}

/**
 * `pods/<uid>/plugins/kubernetes.io~empty-dir/<volume>/ready`, as upstream keeps it: made last, so that a kubelet started anew knows a
 * volume which is in use from one that was left half-made.
 */
function readyFile(directory: string): string {
  const podDirectory = dirname(dirname(dirname(directory)));
  return join(podDirectory, 'plugins', PLUGIN.replace('/', '~'), basename(directory), 'ready');
}

async function isReady(directory: string, medium: string | undefined, mounts: Mounts): Promise<boolean> {
  const there = await Promise.all(
    [readyFile(directory), directory].map((path) =>
      stat(path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw error;
        },
      ),
    ),
  );
  if (there.includes(false)) return false;
  // Memory does not outlive a restart of the machine, files do.
  return !medium || (await mounts.at(directory)) !== undefined;
}

async function markReady(directory: string): Promise<void> {
  const file = readyFile(directory);
  await mkdir(dirname(file), { recursive: true, mode: 0o750 });
  await writeFile(file, '', { mode: 0o640 });
}
