import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CpuSet, parseCpuSet } from './cpu-set.ts';

/** Where one logical CPU lies. */
export interface CpuPlace {
  /** The lowest CPU of the same core: the kernel's own ids of cores repeat from socket to socket. */
  readonly core: number;
  readonly socket: number;
  readonly numaNode: number;
}

export interface CpuTopology {
  readonly places: ReadonlyMap<number, CpuPlace>;
  /** Threads of a core. */
  readonly cpusPerCore: number;
  readonly sockets: CpuSet;
  readonly numaNodes: CpuSet;
}

/** @param places of every CPU that pods may be given */
export function cpuTopology(places: ReadonlyMap<number, CpuPlace>): CpuTopology {
  const all = [...places.values()];
  const cores = new Set(all.map(({ core }) => core));
  return {
    places,
    cpusPerCore: Math.max(1, Math.floor(places.size / Math.max(1, cores.size))),
    sockets: new Set(all.map(({ socket }) => socket)),
    numaNodes: new Set(all.map(({ numaNode }) => numaNode)),
  };
}

/** The CPUs at that place: `cpusAt(topology, 'socket', 0)`. */
export function cpusAt({ places }: CpuTopology, level: keyof CpuPlace, id: number): Set<number> {
  const cpus = new Set<number>();
  for (const [cpu, place] of places) if (place[level] === id) cpus.add(cpu);
  return cpus;
}

/**
 * Reads how the CPUs of this machine lie, as sysfs tells it: those that are on and that this process may use. A machine without NUMA is
 * one node.
 *
 * @param root where `sys` and `proc` lie
 */
export async function readCpuTopology(root = '/'): Promise<CpuTopology> {
  const cpuRoot = join(root, 'sys/devices/system/cpu');
  const read = async (path: string) => (await readFile(path, 'utf8')).trim();
  const [online, status, nodeOf] = await Promise.all([
    read(join(cpuRoot, 'online')),
    read(join(root, 'proc/self/status')),
    readNumaNodes(join(root, 'sys/devices/system/node')),
  ]);
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  const cpus = parseCpuSet(online).intersection(parseCpuSet(allowed ?? online));
  const entries = [...cpus].map(async (cpu): Promise<[number, CpuPlace]> => {
    const directory = join(cpuRoot, `cpu${cpu}/topology`);
    const [siblings, socket] = await Promise.all([
      read(join(directory, 'thread_siblings_list')),
      read(join(directory, 'physical_package_id')),
    ]);
    // Boards that do not number their sockets say -1.
    const place = {
      core: Math.min(...parseCpuSet(siblings)),
      socket: Math.max(0, Number(socket)),
      numaNode: nodeOf.get(cpu) ?? 0,
    };
    return [cpu, place];
  });
  return cpuTopology(new Map(await Promise.all(entries)));
}

async function readNumaNodes(directory: string): Promise<ReadonlyMap<number, number>> {
  const nodeOf = new Map<number, number>();
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nodeOf; // a kernel without NUMA
    throw error;
  }
  for (const name of names) {
    const id = /^node(\d+)$/.exec(name)?.[1];
    if (id === undefined) continue;
    for (const cpu of parseCpuSet(await readFile(join(directory, name, 'cpulist'), 'utf8'))) nodeOf.set(cpu, Number(id));
  }
  return nodeOf;
}
