import type { FilterPlugin, ScorePlugin } from '../plugin.ts';
import { ASSUMED_REQUESTS } from '../pod-requests.ts';

/** What a pod requests must be free on the node, and the node must take one more pod. */
export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  filter({ requests }, { allocatable, requested, pods }) {
    const reasons: string[] = [];
    const maxPods = allocatable.get('pods') ?? 0n;
    if (BigInt(pods.size + 1) * 1000n > maxPods) reasons.push('Too many pods');
    for (const [resource, amount] of requests) {
      if (amount === 0n) continue;
      const free = (allocatable.get(resource) ?? 0n) - (requested.get(resource) ?? 0n);
      if (amount > free) reasons.push(`Insufficient ${resource}`);
    }
    return reasons;
  },
};

/** Least allocated: the share of cpu and memory that stays free. */
export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  score({ requests }, { allocatable, assumedRequested }) {
    let sum = 0;
    for (const [resource, assumed] of Object.entries(ASSUMED_REQUESTS)) {
      const capacity = allocatable.get(resource) ?? 0n;
      const used = (assumedRequested.get(resource) ?? 0n) + (requests.get(resource) || assumed);
      if (capacity > 0n && used <= capacity) sum += Number(((capacity - used) * 100n) / capacity);
    }
    return Math.floor(sum / Object.keys(ASSUMED_REQUESTS).length);
  },
};
