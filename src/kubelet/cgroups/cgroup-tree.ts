import { join } from 'node:path';
import { type Clock, steadyMs } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type CgroupFiles, cgroupsBelow } from './cgroup-files.ts';
import type { CgroupMounts } from './cgroup-mounts.ts';
import { type CgroupDriver, type CgroupName, cgroupPath } from './cgroup-names.ts';
import { type CgroupValues, controlWrites } from './cgroup-values.ts';
import type { SystemdSlices } from './systemd-slices.ts';

export interface CgroupTreeOptions {
  readonly mounts: CgroupMounts;
  readonly files: CgroupFiles;
  readonly driver: CgroupDriver;
  /** With the systemd driver. */
  readonly slices?: SystemdSlices;
  readonly clock: Clock;
  /** Sends SIGKILL. */
  readonly kill: (pid: number) => void;
}

/** The machine's cgroups by name, v1 and v2 alike. */
export interface CgroupTree {
  exists(name: CgroupName): Promise<boolean>;
  /** Makes it with its parents, in every tree, and writes what it may use. */
  apply(name: CgroupName, values: CgroupValues): Promise<void>;
  /** Moves a process there, in every tree. */
  join(name: CgroupName, pid: number): Promise<void>;
  /** Kills what runs in it and below, and removes it. Succeeds when there is none. */
  remove(name: CgroupName): Promise<void>;
  /** The directories right below, by the last part of their paths. */
  children(name: CgroupName): Promise<readonly string[]>;
  /** Its directory in the tree of a controller; undefined where the machine lacks that. */
  directoryOf(name: CgroupName, controller: string): string | undefined;
}

const REMOVE_POLL_MS = 20;
const LONGEST_REMOVE_MS = 20_000;
/** What v2 must be told at each level, as far as the machine has it. */
const DELEGATED = ['cpu', 'cpuset', 'memory', 'hugetlb', 'pids', 'io', 'rdma', 'misc'];

export function createCgroupTree(options: CgroupTreeOptions): CgroupTree {
  const { mounts, files, driver, slices, clock } = options;
  const directories = (name: CgroupName) => mounts.trees.map((tree) => join(tree, cgroupPath(name, driver)));

  async function make(name: CgroupName, values: CgroupValues): Promise<void> {
    const there = await Promise.all(directories(name).map((directory) => files.directories(directory)));
    if (!slices && there.every((names) => names !== undefined)) return;
    if (slices && name.length > 0) await slices.ensure(name, values, () => exists(name));
    for (let depth = 0; depth <= name.length; depth++) {
      const level = name.slice(0, depth);
      for (const tree of mounts.trees) {
        const directory = join(tree, cgroupPath(level, driver));
        if (depth > 0) await files.makeDirectory(directory).catch(explain(`mkdir ${directory}`));
        if (depth > 0 && tree === mounts.controllers.get('cpuset') && mounts.version === 1) await inheritCpus(directory);
        if (mounts.version === 2 && depth < name.length) await delegate(directory);
      }
    }
  }

  /** A new cpuset of v1 is empty, and nothing may run in it until it is filled. */
  async function inheritCpus(directory: string): Promise<void> {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = await files.read(join(directory, file));
      if (own === undefined || own.trim() !== '') continue;
      const parents = (await files.read(join(directory, '..', file)))?.trim();
      if (parents) await files.write(join(directory, file), parents).catch(explain(`write ${join(directory, file)}`));
    }
  }

  async function delegate(directory: string): Promise<void> {
    const file = join(directory, 'cgroup.subtree_control');
    const has = new Set(((await files.read(file)) ?? '').split(/\s+/));
    const lacking = DELEGATED.filter((name) => mounts.controllers.has(name) && !has.has(name));
    if (lacking.length === 0) return;
    await files
      .write(file, lacking.map((name) => `+${name}`).join(' '))
      .catch(explain(`enable controllers ${lacking.join(', ')} in ${file}`));
  }

  async function write(name: CgroupName, values: CgroupValues): Promise<void> {
    for (const { controller, file, value } of controlWrites(values, mounts.version)) {
      const tree = mounts.controllers.get(controller);
      if (!tree) continue; // told once, at start
      const path = join(tree, cgroupPath(name, driver), file);
      if ((await files.read(path))?.trim() === value) continue;
      try {
        await files.write(path, value);
      } catch (error) {
        // v1 refuses a quota below that of a cgroup within. Limits are lowered inside out, so the next sync finds it possible.
        if (file === 'cpu.cfs_quota_us' && (error as NodeJS.ErrnoException).code === 'EINVAL') continue;
        throw explained(`write ${value} to ${path}`, error);
      }
    }
  }

  async function exists(name: CgroupName): Promise<boolean> {
    const found = await Promise.all(directories(name).map((directory) => files.directories(directory)));
    return found.some((names) => names !== undefined);
  }

  async function killAll(below: readonly string[]): Promise<number[]> {
    const left = new Set<number>();
    for (const directory of below)
      for (const line of ((await files.read(join(directory, 'cgroup.procs'))) ?? '').split('\n')) {
        const pid = Number(line);
        // 0 stands for a process of another pid namespace; as a pid it would mean ourselves.
        if (Number.isSafeInteger(pid) && pid > 1 && pid !== process.pid) left.add(pid);
      }
    for (const pid of left) options.kill(pid);
    return [...left];
  }

  return {
    exists,
    async apply(name, values) {
      await make(name, values);
      await write(name, values);
    },
    async join(name, pid) {
      for (const directory of directories(name)) {
        const file = join(directory, 'cgroup.procs');
        await files.write(file, String(pid)).catch(explain(`write ${pid} to ${file}`));
      }
    },
    async remove(name) {
      if (name.length === 0) throw new Error('the root of the cgroups is not ours to remove');
      const deadlineMs = steadyMs(clock) + LONGEST_REMOVE_MS;
      for (let stopped = false; ; ) {
        const below = (await Promise.all(directories(name).map((directory) => cgroupsBelow(files, directory)))).flat();
        if (below.length === 0) return;
        const left = await killAll(below);
        if (slices && !stopped) await slices.stop(name);
        stopped = true;
        let busy: unknown;
        for (const directory of below)
          await files.removeDirectory(directory).catch((error: NodeJS.ErrnoException) => {
            if (error.code !== 'EBUSY') throw explained(`rmdir ${directory}`, error);
            busy = error;
          });
        if (busy === undefined) return;
        if (steadyMs(clock) >= deadlineMs)
          throw explained(`remove cgroup ${cgroupPath(name, driver)}: still there are the processes [${left.join(' ')}]`, busy);
        await clock.sleep(REMOVE_POLL_MS);
      }
    },
    async children(name) {
      const all = await Promise.all(directories(name).map((directory) => files.directories(directory)));
      return [...new Set(all.flatMap((names) => names ?? []))];
    },
    directoryOf(name, controller) {
      const tree = mounts.controllers.get(controller);
      return tree && join(tree, cgroupPath(name, driver));
    },
  };
}

function explained(what: string, cause: unknown): CodedError {
  const said = cause instanceof Error ? cause.message : String(cause);
  return new CodedError(`failed to ${what}: ${said}`, { code: 'CGROUP_FAILED', retryable: true, cause });
}

function explain(what: string) {
  return (cause: unknown): never => {
    throw explained(what, cause);
  };
}
