import type { V1PodDisruptionBudget } from '../../api/gen/types.ts';
import { type NodeFilterContext, planFilters, refusalWithNominated } from '../framework/filter-nodes.ts';
import type { Refusal } from '../framework/plugin.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { partByBudgets } from './disruption-budgets.ts';

/** A node that would do without some pods. */
export interface Candidate {
  readonly node: NodeInfo;
  /** The most important first; never empty. */
  readonly victims: readonly PodInfo[];
  /** How many of them a budget protects. */
  readonly violations: number;
}

const NO_VICTIMS: Refusal = { reasons: ['No preemption victims found for incoming pod'], unresolvable: true };

/**
 * The fewest and least important pods that must leave a node so that a pod fits there: all of a lower priority are thought away, then
 * let back one by one as long as the pod still fits, those that a budget protects first, the more important first
 * (defaultpreemption, SelectVictimsOnNode). The state is as before afterwards.
 */
export function selectVictims(
  node: NodeInfo,
  context: NodeFilterContext,
  budgetsOf: (namespace: string) => readonly V1PodDisruptionBudget[],
): Candidate | { readonly refusal: Refusal } {
  const { cycle, plugins } = context;
  const { state, pod } = cycle;
  const lower = [...node.pods.values()].filter(({ priority }) => priority < pod.priority);
  if (lower.length === 0) return { refusal: NO_VICTIMS };
  const gone = new Set<PodInfo>();
  const remove = (victim: PodInfo) => {
    gone.add(victim);
    state.supposeGone(victim, node.name);
  };
  const letBack = (victim: PodInfo) => {
    gone.delete(victim);
    state.supposeOn(victim, node.name);
  };
  const refusal = () => refusalWithNominated(node, { ...context, plans: planFilters(plugins, cycle) });
  try {
    for (const victim of lower) remove(victim);
    const refused = refusal();
    if (refused) return { refusal: refused };
    const { violating, others } = partByBudgets(lower.sort(byImportance), budgetsOf);
    const reprieve = (victim: PodInfo): boolean => {
      letBack(victim);
      if (!refusal()) return true;
      remove(victim);
      return false;
    };
    let violations = 0;
    for (const victim of violating) if (!reprieve(victim)) violations++;
    for (const victim of others) reprieve(victim);
    if (gone.size === 0) return { refusal: NO_VICTIMS };
    return { node, victims: [...gone].sort(byImportance), violations };
  } finally {
    for (const victim of [...gone]) letBack(victim);
  }
}

/** The more important first: by priority, then who has run for longer. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  return startOf(a) - startOf(b);
}

/** In milliseconds. A pod that has not started yet starts now, later than all others. */
export function startOf({ pod }: PodInfo): number {
  const { startTime } = pod.status ?? {};
  return startTime ? Date.parse(String(startTime)) : Number.MAX_SAFE_INTEGER;
}
