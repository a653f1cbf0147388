/** For tests: cgroup file systems in memory that behave as the kernel's do where code could get it wrong. */
import { dirname, join } from 'node:path';
import type { CgroupFiles } from '../cgroups/cgroup-files.ts';

interface Directory {
  readonly files: Map<string, string>;
}

export interface FakeCgroups extends CgroupFiles {
  /** Puts a process into a cgroup; `survives` so many kills. */
  run(path: string, pid: number, survives?: number): void;
  kill(pid: number): void;
  readonly killed: readonly number[];
  /** Gives the directories right below the control files that they lack. */
  extend(path: string): void;
  /** All directories, sorted. */
  tree(): string[];
}

/** The control files that a new directory of a tree has. */
export type ControlFiles = (path: string) => Readonly<Record<string, string>>;

/** @param roots mount points with the control files that directories below them have */
export function fakeCgroupFiles(roots: Readonly<Record<string, ControlFiles>>): FakeCgroups {
  const directories = new Map<string, Directory>();
  const lives = new Map<number, number>();
  const killed: number[] = [];
  const controlFilesOf = (path: string) => {
    const root = Object.keys(roots).find((mountPoint) => path === mountPoint || path.startsWith(`${mountPoint}/`))!;
    return roots[root]!(path);
  };
  const make = (path: string) =>
    directories.set(path, { files: new Map(Object.entries({ 'cgroup.procs': '', ...controlFilesOf(path) })) });
  for (const root of Object.keys(roots)) make(root);
  const refuse = (code: string, path: string) => Promise.reject(Object.assign(new Error(`${code}: ${path}`), { code }));
  const childrenOf = (path: string) => [...directories.keys()].filter((other) => dirname(other) === path && other !== path);

  return {
    killed,
    run(path, pid, survives = 0) {
      lives.set(pid, survives);
      const { files } = directories.get(path)!;
      files.set('cgroup.procs', `${files.get('cgroup.procs')}${pid}\n`);
    },
    kill(pid) {
      killed.push(pid);
      const left = lives.get(pid) ?? 0;
      lives.set(pid, left - 1);
      if (left > 0) return;
      for (const { files } of directories.values()) {
        const pids = files.get('cgroup.procs')!.split('\n');
        files.set('cgroup.procs', pids.filter((line) => line !== String(pid)).join('\n'));
      }
    },
    extend(path) {
      for (const child of childrenOf(path))
        for (const [name, value] of Object.entries(controlFilesOf(child))) {
          const { files } = directories.get(child)!;
          if (!files.has(name) || name === 'cgroup.controllers') files.set(name, value);
        }
    },
    tree: () => [...directories.keys()].sort(),
    read: async (path) => {
      const directory = directories.get(dirname(path));
      return directory?.files.get(path.slice(dirname(path).length + 1));
    },
    async write(path, value) {
      const directory = directories.get(dirname(path));
      const name = path.slice(dirname(path).length + 1);
      if (!directory?.files.has(name)) return refuse('ENOENT', path);
      if (name !== 'cgroup.subtree_control') directory.files.set(name, value);
      else directory.files.set(name, `${directory.files.get(name)} ${value.replaceAll('+', '')}`.trim());
    },
    async makeDirectory(path) {
      if (directories.has(path)) return;
      if (!directories.has(dirname(path))) return refuse('ENOENT', path);
      make(path);
    },
    async removeDirectory(path) {
      const directory = directories.get(path);
      if (!directory) return;
      if (childrenOf(path).length > 0 || directory.files.get('cgroup.procs')!.trim() !== '') return refuse('EBUSY', path);
      directories.delete(path);
    },
    directories: async (path) =>
      directories.has(path) ? childrenOf(path).map((child) => child.slice(path.length + 1)) : undefined,
  };
}

/** Trees of v1 as on a Debian host: `cpu` and `cpuacct` together, the rest each alone. */
export function fakeV1(root = '/cg') {
  const trees = {
    'cpu,cpuacct': ['cpu', 'cpuacct'],
    cpuset: ['cpuset'],
    memory: ['memory'],
    pids: ['pids'],
    hugetlb: ['hugetlb'],
  };
  const mounts = Object.keys(trees).map((name) => join(root, name));
  const files: Record<string, string> = {
    'cpu.shares': '1024',
    'cpu.cfs_period_us': '100000',
    'cpu.cfs_quota_us': '-1',
    'memory.limit_in_bytes': '9223372036854771712',
    'memory.memsw.limit_in_bytes': '9223372036854771712',
    'pids.max': 'max',
    'hugetlb.2MB.limit_in_bytes': '9223372036854771712',
  };
  const entries = Object.entries(trees).map(([name, controllers]): [string, ControlFiles] => [
    join(root, name),
    (path) => {
      const own = Object.entries(files).filter(([file]) => controllers.includes(file.split('.')[0]!));
      const isRoot = path === join(root, name);
      const sets: Record<string, string> =
        name === 'cpuset' ? { 'cpuset.cpus': isRoot ? '0-3' : '', 'cpuset.mems': isRoot ? '0' : '' } : {};
      return { ...Object.fromEntries(own), ...sets };
    },
  ]);
  const controllers = new Map(
    Object.entries(trees).flatMap(([name, list]) => list.map((c): [string, string] => [c, join(root, name)])),
  );
  return { files: fakeCgroupFiles(Object.fromEntries(entries)), mounts: { version: 1 as const, trees: mounts, controllers } };
}

/** The one tree of v2; a directory has the control files of the controllers that its parent passes on. */
export function fakeV2(root = '/cg') {
  const names = ['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids'];
  const files: Record<string, string> = {
    'cpu.weight': '100',
    'cpu.max': 'max 100000',
    'memory.max': 'max',
    'memory.min': '0',
    'memory.swap.max': 'max',
    'pids.max': 'max',
    'hugetlb.2MB.max': 'max',
  };
  const all: Map<string, string> = new Map();
  const fake: FakeCgroups = fakeCgroupFiles({
    [root]: (path) => {
      const passed = path === root ? names : (all.get(dirname(path)) ?? '').split(' ');
      const own = Object.entries(files).filter(([file]) => passed.includes(file.split('.')[0]!));
      return {
        'cgroup.controllers': passed.join(' '),
        'cgroup.subtree_control': '',
        ...(path !== root && Object.fromEntries(own)),
      };
    },
  });
  const watched: FakeCgroups = {
    ...fake,
    async write(path, value) {
      await fake.write(path, value);
      if (!path.endsWith('/cgroup.subtree_control')) return;
      all.set(dirname(path), (await fake.read(path)) ?? '');
      fake.extend(dirname(path));
    },
  };
  return {
    files: watched,
    mounts: { version: 2 as const, trees: [root], controllers: new Map(names.map((name) => [name, root])) },
  };
}
