import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type MountEntry, mountAt, mountsBelow, parseMountInfo } from './mount-info.ts';
import { type RunProgram, runProgram } from './run-program.ts';

export interface MountRequest {
  /** A path, a device, `server:/path`, or any word for a file system without one (`tmpfs`). */
  readonly source: string;
  readonly target: string;
  /** None for a bind mount. */
  readonly fsType?: string;
  readonly options?: readonly string[];
  readonly signal?: AbortSignal;
}

/** The mounts of this process's mount namespace. */
export interface Mounts {
  /** Oldest first. */
  list(): Promise<readonly MountEntry[]>;
  /** The newest mount at exactly this path; links on the way to it are followed, as the kernel did. */
  at(path: string): Promise<MountEntry | undefined>;
  /** Mounts once more, whatever is there. Rejects with a ProgramError that quotes mount(8). */
  mount(request: MountRequest): Promise<void>;
  /**
   * Makes `source` (and with `recursive` what is mounted below it) appear at `target`; read-only in a second step, since the kernel
   * takes no other options while it binds. What fails half-way is unmounted again.
   */
  bind(request: {
    readonly source: string;
    readonly target: string;
    readonly readOnly?: boolean;
    readonly recursive?: boolean;
    readonly options?: readonly string[];
  }): Promise<void>;
  /** Lets mounts below a mount appear wherever that is mounted too, and the other way round. */
  share(path: string): Promise<void>;
  /** Succeeds when nothing is mounted there. `lazy` lets go of it though it is in use. */
  unmount(path: string, options?: { readonly lazy?: boolean }): Promise<void>;
  /** Unmounts everything at `path` and below it, deepest first. */
  unmountAll(path: string, options?: { readonly lazy?: boolean }): Promise<void>;
}

export interface MountsOptions {
  readonly run?: RunProgram;
  readonly readMountInfo?: () => Promise<string>;
  /** For one mount(8) or umount(8): servers of network file systems may never answer. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** As mountinfo names it: `/var/lib/kubelet` may be a link. What is not there has no mounts. */
async function asMounted(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
}

/**
 * Mounts by mount(8) and umount(8), which know the helpers (`mount.nfs`) and keep to the kernel's newest interface.
 * Paths are taken as they are (`--no-canonicalize`): who passes `/proc/<pid>/fd/<n>` means the open file, not its name.
 */
export function createMounts(options: MountsOptions = {}): Mounts {
  const { run = runProgram, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const readMountInfo = options.readMountInfo ?? (() => readFile('/proc/self/mountinfo', 'utf8'));

  const list = async () => parseMountInfo(await readMountInfo());
  const at = async (path: string) => mountAt(await list(), await asMounted(path));

  async function mount({ source, target, fsType, options: words = [], signal }: MountRequest): Promise<void> {
    const args = ['--no-canonicalize', ...(fsType ? ['-t', fsType] : []), ...(words.length > 0 ? ['-o', words.join(',')] : [])];
    await run('mount', [...args, '--', source, target], { timeoutMs, signal });
  }

  async function unmount(path: string, { lazy = false }: { readonly lazy?: boolean } = {}): Promise<void> {
    try {
      await run('umount', ['--no-canonicalize', ...(lazy ? ['--lazy'] : []), '--', path], { timeoutMs });
    } catch (error) {
      if (await at(path)) throw error;
    }
  }

  return {
    list,
    at,
    mount,
    unmount,
    async bind({ source, target, readOnly = false, recursive = false, options: words = [] }) {
      const how = recursive ? 'rbind' : 'bind';
      await mount({ source, target, options: [how] });
      const flags = [...words, ...(readOnly ? ['ro'] : [])];
      if (flags.length === 0) return;
      try {
        await mount({ source, target, options: ['remount', 'bind', ...flags] });
      } catch (error) {
        await unmount(target);
        throw error;
      }
    },
    async share(path) {
      await run('mount', ['--no-canonicalize', '--make-rshared', '--', path], { timeoutMs });
    },
    async unmountAll(path, how) {
      for (const { mountPoint } of mountsBelow(await list(), await asMounted(path))) await unmount(mountPoint, how);
    },
  };
}
