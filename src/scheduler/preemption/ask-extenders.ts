import type { Extender, ExtenderContext } from '../framework/extender.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Candidate } from './victims.ts';

/**
 * What extenders leave of the nodes where room could be made, one asked after the other. Rejects when one fails, or leaves a node
 * without a victim, unless it is ignorable (preemption.go, callExtenders).
 */
export async function askExtenders(
  candidates: readonly Candidate[],
  pod: PodInfo,
  { extenders, ...context }: ExtenderContext & { readonly extenders: readonly Extender[] },
): Promise<readonly Candidate[]> {
  let left = candidates;
  for (const extender of extenders) {
    if (!extender.preempt || !extender.isInterested(pod) || left.length === 0) continue;
    try {
      left = withVictims(await extender.preempt(pod, left, context), extender);
    } catch (error) {
      if (!extender.ignorable) throw error;
    }
  }
  return left;
}

function withVictims(candidates: readonly Candidate[], { ignorable }: Extender): readonly Candidate[] {
  return candidates.filter(({ node, victims }) => {
    if (victims.length === 0 && !ignorable)
      throw new Error(`expected at least one victim pod on node ${JSON.stringify(node.name)}`);
    return victims.length > 0;
  });
}
