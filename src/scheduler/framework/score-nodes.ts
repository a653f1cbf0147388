import type { Steps } from '../../std/pauses.ts';
import { StepPace } from '../../std/turn-pace.ts';
import type { NodeInfo } from '../node-info.ts';
import { NODES_A_LOOK } from './filter-nodes.ts';
import type { Cycle } from './plugin.ts';
import type { Profile } from './profile.ts';

/** The weighted sum of what every rule says of each node, in the order of the nodes. */
export function* scoreNodes(scores: Profile['scores'], cycle: Cycle, nodes: readonly NodeInfo[]): Steps<number[]> {
  const pace = new StepPace();
  const totals = new Array<number>(nodes.length).fill(0);
  for (const { plugin, weight } of scores) {
    const plan = plugin.planScore?.(cycle, nodes);
    if (!plan) continue;
    const points: number[] = [];
    for (const node of nodes) {
      points.push(plan.score(node));
      if (points.length % NODES_A_LOOK === 0 && pace.due()) yield;
    }
    plan.normalise?.(points, nodes);
    for (let i = 0; i < totals.length; i++) totals[i]! += weight * points[i]!;
  }
  return totals;
}

/** The best; among equals one at random. */
export function bestNode(nodes: readonly NodeInfo[], totals: readonly number[], random: () => number): NodeInfo {
  let best = 0;
  let equals = 1;
  for (let i = 1; i < nodes.length; i++) {
    if (totals[i]! > totals[best]!) {
      best = i;
      equals = 1;
      // Replacing the k-th equal with a chance of 1/k leaves each the same chance.
    } else if (totals[i] === totals[best] && random() < 1 / ++equals) best = i;
  }
  return nodes[best]!;
}
