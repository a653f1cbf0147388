import type { Steps } from '../../std/pauses.ts';
import { StepPace } from '../../std/turn-pace.ts';
import type { NodeInfo } from '../node-info.ts';
import type { Nominations } from '../nominations.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { Cycle, Plugin, Refusal } from './plugin.ts';

interface PlannedFilter {
  readonly plugin: string;
  readonly filter: (node: NodeInfo) => Refusal | undefined;
}

/** What all rules say to one pod, ready to be asked node by node. */
export interface FilterPlans {
  readonly filters: readonly PlannedFilter[];
  /** Nodes that are looked at at all; undefined: every one. */
  readonly only: ReadonlySet<string> | undefined;
  /** The rules that chose these. */
  readonly chosenBy: readonly string[];
  readonly refusesAll: (Refusal & { readonly plugin: string }) | undefined;
}

export function planFilters(plugins: readonly Plugin[], cycle: Cycle): FilterPlans {
  const filters: PlannedFilter[] = [];
  const chosenBy: string[] = [];
  let only: ReadonlySet<string> | undefined;
  for (const plugin of plugins) {
    const plan = plugin.planFilter?.(cycle);
    if (!plan) continue;
    if (plan.refusesAll) return { filters, only, chosenBy, refusesAll: { ...plan.refusesAll, plugin: plugin.name } };
    if (plan.only) {
      only = only ? only.intersection(plan.only) : plan.only;
      chosenBy.push(plugin.name);
    }
    if (plan.filter) filters.push({ plugin: plugin.name, filter: plan.filter });
  }
  return { filters, only, chosenBy, refusesAll: undefined };
}

export interface NodeFilterContext {
  readonly plugins: readonly Plugin[];
  readonly cycle: Cycle;
  readonly nominations: Nominations;
  readonly plans: FilterPlans;
}

export type PluginRefusal = Refusal & { readonly plugin: string };

/**
 * Whether a node will do with the pods there, and also with those that are about to come because room is being made for them: pods of
 * the same or a higher priority that are nominated for it (framework.RunFilterPluginsWithNominatedPods).
 */
export function refusalWithNominated(node: NodeInfo, context: NodeFilterContext): PluginRefusal | undefined {
  const { cycle, nominations, plugins, plans } = context;
  const nominated = nominations.on(node.name, cycle.pod);
  if (nominated.length) {
    for (const pod of nominated) cycle.state.supposeOn(pod, node.name);
    try {
      const refusal = refusalOf(node, planFilters(plugins, cycle));
      if (refusal) return refusal;
    } finally {
      for (const pod of nominated) cycle.state.supposeGone(pod, node.name);
    }
  }
  return refusalOf(node, plans);
}

export function refusalOf(node: NodeInfo, { filters, refusesAll }: FilterPlans): PluginRefusal | undefined {
  if (refusesAll) return refusesAll;
  let asked = '';
  try {
    for (const { plugin, filter } of filters) {
      asked = plugin;
      const refusal = filter(node);
      if (refusal) return { ...refusal, plugin };
    }
  } catch (error) {
    throw new Error(`running ${JSON.stringify(asked)} filter plugin: ${messageOf(error)}`, { cause: error });
  }
  return undefined;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

export interface Found {
  readonly nodes: readonly NodeInfo[];
  readonly diagnosis: Diagnosis;
  /** How many nodes were looked at. */
  readonly evaluated: number;
}

/** After so many nodes it is looked whether it is time for a pause. */
export const NODES_A_LOOK = 8;

/** Looks for `wanted` nodes that will do, from the `start`-th on and round. */
export function* findNodes(context: NodeFilterContext, { wanted, start }: { wanted: number; start: number }): Steps<Found> {
  const { plans, cycle } = context;
  const all = cycle.state.nodes();
  const nodeCount = all.length;
  if (plans.refusesAll) {
    const { plugin, reasons } = plans.refusesAll;
    const others = { reasons: [], unresolvable: plans.refusesAll.unresolvable };
    const diagnosis = { nodeCount, refusals: new Map(), others, general: reasons.join(', '), plugins: new Set([plugin]) };
    return { nodes: [], evaluated: 0, diagnosis };
  }
  const refusals = new Map<NodeInfo, Refusal>();
  const plugins = new Set<string>(plans.only ? plans.chosenBy : []);
  const nodes: NodeInfo[] = [];
  const pace = new StepPace();
  let evaluated = 0;
  for (let i = 0; i < nodeCount && nodes.length < wanted; i++) {
    const node = all[(start + i) % nodeCount]!;
    evaluated++;
    if (evaluated % NODES_A_LOOK === 0 && pace.due()) yield;
    if (plans.only && !plans.only.has(node.name)) continue;
    const refusal = refusalWithNominated(node, context);
    if (refusal) {
      refusals.set(node, refusal);
      plugins.add(refusal.plugin);
    } else nodes.push(node);
  }
  const others = plans.only && {
    reasons: [`node(s) didn't satisfy plugin(s) [${plans.chosenBy.join(' ')}]`],
    unresolvable: true,
  };
  return { nodes, evaluated, diagnosis: { nodeCount, refusals, others, general: undefined, plugins } };
}

const MIN_NODES = 100;
const MIN_PERCENTAGE = 5;

/** How many nodes that will do are enough to choose from (schedule_one.go, numFeasibleNodesToFind). */
export function nodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < MIN_NODES) return nodeCount;
  const share = percentage || Math.max(MIN_PERCENTAGE, 50 - Math.floor(nodeCount / 125));
  return Math.max(MIN_NODES, Math.floor((nodeCount * Math.min(share, 100)) / 100));
}
