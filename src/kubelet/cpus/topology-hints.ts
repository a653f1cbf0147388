import type { CpuSet } from './cpu-set.ts';
import { ascending } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';

export type TopologyPolicy = 'none' | 'best-effort' | 'restricted' | 'single-numa-node';

/** NUMA nodes from which a wish can be fulfilled. */
export interface TopologyHint {
  /** Undefined: any. */
  readonly nodes: CpuSet | undefined;
  /** With as few nodes as it can be done on this machine at all. */
  readonly preferred: boolean;
}

/** Every combination of nodes is looked at: 2^8 are few, 2^16 are not. Upstream's limit too. */
export const MOST_NUMA_NODES = 8;

/**
 * Where that many CPUs can come from.
 *
 * @param available CPUs that nobody has
 * @param reusable CPUs that the pod has already and gives on: hints without their nodes are of no use
 */
export function cpuHints(
  { places, numaNodes }: CpuTopology,
  { available, reusable, count }: { readonly available: CpuSet; readonly reusable: CpuSet; readonly count: number },
): TopologyHint[] {
  const nodeOf = (cpu: number) => places.get(cpu)!.numaNode;
  const on = (cpus: Iterable<number>, nodes: CpuSet) => [...cpus].filter((cpu) => nodes.has(nodeOf(cpu))).length;
  const subsets = subsetsOf(ascending(numaNodes));
  const sizes = subsets.filter((nodes) => on(places.keys(), nodes) >= count).map(({ size }) => size);
  const least = Math.min(numaNodes.size, ...sizes);
  return subsets
    .filter(
      (nodes) => on(reusable, nodes) === reusable.size && reusable.size + on(available.difference(reusable), nodes) >= count,
    )
    .map((nodes) => ({ nodes, preferred: nodes.size === least }));
}

/** What a pod or container gets by the policy; undefined: it is refused. */
export function chooseHint(
  policy: TopologyPolicy,
  numaNodes: CpuSet,
  hints: readonly TopologyHint[] | undefined,
): TopologyHint | undefined {
  // Who asks for nothing is content anywhere.
  if (policy === 'none' || !hints) return { nodes: undefined, preferred: true };
  const usable = policy === 'single-numa-node' ? hints.filter(({ nodes, preferred }) => preferred && nodes?.size === 1) : hints;
  const [best = { nodes: undefined, preferred: false }] = [...usable].sort(better);
  if (policy !== 'best-effort' && !best.preferred) return undefined;
  return best.nodes?.size === numaNodes.size ? { ...best, nodes: undefined } : best;
}

/** Preferred ones first, then those on fewer nodes, then those on lower ones. */
function better(a: TopologyHint, b: TopologyHint): number {
  if (a.preferred !== b.preferred) return a.preferred ? -1 : 1;
  const [first, second] = [ascending(a.nodes ?? []), ascending(b.nodes ?? [])];
  if (first.length !== second.length) return first.length - second.length;
  // As numbers of which each node is a bit: the highest node decides.
  for (let i = first.length - 1; i >= 0; i--) if (first[i] !== second[i]) return first[i]! - second[i]!;
  return 0;
}

/** All but the empty one. */
function subsetsOf(nodes: readonly number[]): CpuSet[] {
  return Array.from({ length: 2 ** nodes.length - 1 }, (_, i) => new Set(nodes.filter((_node, bit) => ((i + 1) >> bit) & 1)));
}
