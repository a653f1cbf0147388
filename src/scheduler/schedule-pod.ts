import type { V1Pod } from '../api/gen/types.ts';
import type { NodeInfo } from './node-info.ts';
import type { FilterPlugin, PodFacts, ScorePlugin } from './plugin.ts';
import { nodeAffinityFilter, nodeAffinityScore } from './plugins/node-affinity.ts';
import { nodeName } from './plugins/node-name.ts';
import { nodePorts } from './plugins/node-ports.ts';
import { leastAllocated, nodeResourcesFit } from './plugins/node-resources-fit.ts';
import { nodeUnschedulable } from './plugins/node-unschedulable.ts';
import { taintTolerationFilter, taintTolerationScore } from './plugins/taint-toleration.ts';
import { podRequests } from './pod-requests.ts';

/** Asked in this order; the first that refuses a node says why. */
const FILTERS: readonly FilterPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintTolerationFilter,
  nodeAffinityFilter,
  nodePorts,
  nodeResourcesFit,
];
const SCORES: readonly ScorePlugin[] = [taintTolerationScore, nodeAffinityScore, leastAllocated];

export type SchedulingResult =
  | { readonly nodeName: string }
  /** `0/3 nodes are available: …`, as upstream's event and PodScheduled condition say it. */
  | { readonly unschedulable: string };

/** Chooses the best of the nodes that will do; among equals, one at random. */
export function schedulePod(pod: V1Pod, nodes: readonly NodeInfo[], random: () => number): SchedulingResult {
  const facts: PodFacts = { pod, requests: podRequests(pod) };
  const refusals = new Map<string, number>();
  let best: { nodeName: string; score: number } | undefined;
  let equals = 0;
  for (const node of nodes) {
    const reasons = refusalOf(facts, node);
    for (const reason of reasons) refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
    if (reasons.length) continue;
    const score = SCORES.reduce((sum, plugin) => sum + plugin.weight * plugin.score(facts, node), 0);
    equals = best?.score === score ? equals + 1 : 1;
    // Replacing the k-th equal with a chance of 1/k leaves each the same chance.
    if (!best || score > best.score || (score === best.score && random() < 1 / equals)) {
      best = { nodeName: node.node.metadata!.name!, score };
    }
  }
  return best ? { nodeName: best.nodeName } : { unschedulable: describe(nodes.length, refusals) };
}

function refusalOf(facts: PodFacts, node: NodeInfo): readonly string[] {
  for (const plugin of FILTERS) {
    const reasons = plugin.filter(facts, node);
    if (reasons.length) return reasons;
  }
  return [];
}

/** The reasons sorted as text, as in framework.FitError. */
function describe(nodes: number, refusals: ReadonlyMap<string, number>): string {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const reasons = [...refusals].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${reasons.join(', ')}.`;
}
