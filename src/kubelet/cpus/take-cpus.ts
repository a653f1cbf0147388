import { ascending, type CpuSet } from './cpu-set.ts';
import { type CpuPlace, type CpuTopology, cpusAt } from './cpu-topology.ts';

type Level = keyof CpuPlace;

/**
 * Picks CPUs that lie close together, as upstream's static policy packs them: whole NUMA nodes and sockets first (the larger of both before
 * the smaller), then whole cores, then single threads; of several places the fullest, so that the emptiest stay whole.
 *
 * @throws Error in upstream's words when there are not enough
 */
export function takeCpus(topology: CpuTopology, available: CpuSet, count: number): Set<number> {
  if (count < 1) return new Set();
  if (count > available.size)
    throw new Error(`not enough cpus available to satisfy request: requested=${count}, available=${available.size}`);
  const taken = new Set<number>();
  const left = new Set(available);
  const freeAt = (level: Level, id: number) => cpusAt(topology, level, id).intersection(left);
  const take = (cpus: Iterable<number>) => {
    for (const cpu of cpus) {
      taken.add(cpu);
      left.delete(cpu);
    }
  };

  /** Places with free CPUs, those with the fewest first. */
  const places = (level: Level, within: CpuSet = left): number[] => {
    const ids = new Set([...within].map((cpu) => topology.places.get(cpu)![level]));
    return ascending(ids).sort((a, b) => freeAt(level, a).size - freeAt(level, b).size || a - b);
  };
  const takeWhole = (level: Level, ids: readonly number[]) => {
    for (const id of ids) {
      const whole = cpusAt(topology, level, id);
      if (whole.size <= count - taken.size && whole.isSubsetOf(left)) take(whole);
    }
  };

  // Whichever holds the other comes first.
  const levels: readonly Level[] =
    topology.sockets.size >= topology.numaNodes.size ? ['numaNode', 'socket'] : ['socket', 'numaNode'];
  for (const level of levels) takeWhole(level, places(level));
  const inner = levels[1]!;
  const cores = () => places(inner).flatMap((id) => places('core', freeAt(inner, id)));
  takeWhole('core', cores());
  take(
    cores()
      .flatMap((core) => ascending(freeAt('core', core)))
      .slice(0, count - taken.size),
  );
  return taken;
}
