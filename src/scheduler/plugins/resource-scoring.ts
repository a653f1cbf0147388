import { type Cycle, MAX_SCORE, type ScorePlan } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { amountOf } from '../resources.ts';

export interface WeightedResource {
  readonly name: string;
  readonly weight: number;
}

export const CPU_AND_MEMORY: readonly WeightedResource[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

/** From `utilization` (0 to 100, ascending) to `score` (0 to 10), straight in between. */
export type Shape = readonly { readonly utilization: number; readonly score: number }[];

/** MAX_SCORE over the best score of a shape. */
const SHAPE_SCALE = 10;

export type ScoringStrategy =
  | { readonly type: 'LeastAllocated' | 'MostAllocated'; readonly resources: readonly WeightedResource[] }
  | { readonly type: 'RequestedToCapacityRatio'; readonly resources: readonly WeightedResource[]; readonly shape: Shape };

/** The weighted mean of what each resource scores, by how much of it will be requested (noderesources/*_allocated.go). */
export function scoreAllocation({ pod }: Cycle, strategy: ScoringStrategy): ScorePlan {
  const each = scorerOf(strategy);
  const isRatio = strategy.type === 'RequestedToCapacityRatio';
  // A resource that is no machine's own counts only where the pod wants it.
  const resources = strategy.resources.filter(({ name }) => isNative(name) || amountOf(pod.requests, name) > 0);
  return {
    score(node) {
      let sum = 0;
      let weights = 0;
      for (const { name, weight } of resources) {
        const capacity = amountOf(node.allocatable, name);
        if (capacity === 0) continue;
        const score = each(requestedAfter(node, pod, name), capacity);
        if (isRatio && score <= 0) continue;
        sum += score * weight;
        weights += weight;
      }
      if (weights === 0) return 0;
      return isRatio ? Math.round(sum / weights) : Math.floor(sum / weights);
    },
  };
}

const isNative = (name: string) => name === 'cpu' || name === 'memory' || name === 'ephemeral-storage';

function scorerOf(strategy: ScoringStrategy): (requested: number, capacity: number) => number {
  if (strategy.type === 'RequestedToCapacityRatio') {
    // To the full range first: what lies between two points is rounded there.
    const shape = strategy.shape.map(({ utilization, score }) => ({ utilization, score: score * SHAPE_SCALE }));
    return (requested, capacity) => onShape(shape, requested > capacity ? 100 : Math.floor((requested * 100) / capacity));
  }
  if (strategy.type === 'MostAllocated')
    return (requested, capacity) => Math.floor((Math.min(requested, capacity) * MAX_SCORE) / capacity);
  return (requested, capacity) => (requested > capacity ? 0 : Math.floor(((capacity - requested) * MAX_SCORE) / capacity));
}

/** Go's integer division, which upstream's broken linear function is made of. */
function onShape(shape: Shape, utilization: number): number {
  for (const [i, point] of shape.entries()) {
    if (utilization > point.utilization) continue;
    if (i === 0) return point.score;
    const before = shape[i - 1]!;
    const rise = (point.score - before.score) * (utilization - before.utilization);
    return before.score + Math.trunc(rise / (point.utilization - before.utilization));
  }
  return shape.at(-1)!.score;
}

/** What will be requested of a node with the pod on it; cpu and memory with the assumed amounts. */
function requestedAfter(node: NodeInfo, pod: PodInfo, name: string): number {
  if (name === 'cpu') return node.assumedCpu + pod.assumedCpu;
  if (name === 'memory') return node.assumedMemory + pod.assumedMemory;
  return amountOf(node.requested, name) + amountOf(pod.requests, name);
}

/**
 * The more alike the shares of the resources become by the pod, the better (noderesources/balanced_allocation.go, since 1.36): where it changes
 * nothing in that, a node gets 75.
 */
export function scoreBalance({ pod }: Cycle, resources: readonly WeightedResource[]): ScorePlan | undefined {
  // Pods that request nothing would all go to the one node that is balanced best.
  const wanted = resources.filter(({ name }) => isNative(name) || amountOf(pod.requests, name) > 0);
  if (wanted.every(({ name }) => amountOf(pod.requests, name) === 0)) return undefined;
  return {
    score(node) {
      const balance = (requestedOf: (name: string) => number) => {
        const shares = wanted.flatMap(({ name }) => {
          const capacity = amountOf(node.allocatable, name);
          return capacity === 0 ? [] : Math.min(1, requestedOf(name) / capacity);
        });
        return Math.floor((1 - deviation(shares)) * MAX_SCORE);
      };
      const without = balance((name) => amountOf(node.requested, name));
      const withPod = balance((name) => amountOf(node.requested, name) + amountOf(pod.requests, name));
      return MAX_SCORE / 2 + Math.floor((MAX_SCORE / 2 + withPod - without) / 2);
    },
  };
}

function deviation(shares: readonly number[]): number {
  if (shares.length < 2) return 0;
  if (shares.length === 2) return Math.abs(shares[0]! - shares[1]!) / 2;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
}
