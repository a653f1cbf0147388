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

/** What one resource says of where it can come from; undefined: anywhere. Empty: nowhere. */
export type ResourceHints = readonly TopologyHint[] | undefined;

/**
 * What a pod or container gets by the policy; undefined: it is refused.
 *
 * @param resources one for each resource that it asks for
 */
export function chooseHint(
  policy: TopologyPolicy,
  numaNodes: CpuSet,
  resources: readonly ResourceHints[],
): TopologyHint | undefined {
  const told = resources.filter((hints) => hints !== undefined);
  // Who asks for nothing is content anywhere.
  if (policy === 'none' || told.length === 0) return ANYWHERE;
  const usable = told.map((hints) =>
    policy === 'single-numa-node' ? hints.filter(({ nodes, preferred }) => preferred && nodes?.size === 1) : hints,
  );
  const sizes = usable.filter((hints) => hints.length > 0).map((hints) => hints.map(({ nodes }) => (nodes ?? numaNodes).size));
  const fewest = Math.max(0, ...sizes.map((of) => Math.min(...of)));
  const [best = NOWHERE] = mergedHints(numaNodes, usable).sort(betterThan(fewest));
  if (policy !== 'best-effort' && !best.preferred) return undefined;
  return best.nodes?.size === numaNodes.size ? { ...best, nodes: undefined } : best;
}

export const ANYWHERE: TopologyHint = { nodes: undefined, preferred: true };
const NOWHERE: TopologyHint = { nodes: undefined, preferred: false };

/** Every choice of one hint of each resource: nodes that all of them have, preferred when all say the same and prefer it. */
function mergedHints(numaNodes: CpuSet, resources: readonly (readonly TopologyHint[])[]): TopologyHint[] {
  let merged: readonly TopologyHint[] | undefined;
  for (const hints of resources) {
    // A resource that can come from nowhere leaves it to the others, and no choice is a good one.
    const own = hints.length > 0 ? hints : [NOWHERE];
    const next = new Map<string, TopologyHint>();
    for (const one of merged ?? [undefined])
      for (const hint of own) {
        const mine = hint.nodes ?? numaNodes;
        const nodes = one ? (one.nodes ?? numaNodes).intersection(mine) : mine;
        const same = !one || (nodes.size === mine.size && nodes.size === (one.nodes ?? numaNodes).size);
        const preferred = hint.preferred && same && (one?.preferred ?? true);
        if (nodes.size > 0) next.set(`${preferred} ${ascending(nodes)}`, { nodes, preferred });
      }
    merged = [...next.values()];
  }
  return [...(merged ?? [])];
}

/**
 * Preferred ones first, then those on fewer nodes, then those on lower ones. Of what nobody prefers that is best which has as many nodes as
 * the resource needs that is hardest to place, then the next larger.
 */
const betterThan = (fewest: number) => (a: TopologyHint, b: TopologyHint) => {
  if (a.preferred !== b.preferred) return a.preferred ? -1 : 1;
  const [first, second] = [ascending(a.nodes ?? []), ascending(b.nodes ?? [])];
  if (first.length !== second.length) {
    const tooFew = Number(first.length < fewest) - Number(second.length < fewest);
    if (!a.preferred && tooFew !== 0) return tooFew;
    const larger = first.length - second.length;
    return !a.preferred && first.length < fewest ? -larger : larger;
  }
  // As numbers of which each node is a bit: the highest node decides.
  for (let i = first.length - 1; i >= 0; i--) if (first[i] !== second[i]) return first[i]! - second[i]!;
  return 0;
};

/** All but the empty one. */
export function subsetsOf(nodes: readonly number[]): CpuSet[] {
  return Array.from({ length: 2 ** nodes.length - 1 }, (_, i) => new Set(nodes.filter((_node, bit) => ((i + 1) >> bit) & 1)));
}
