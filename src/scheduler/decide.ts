import { runAtOnce, type Steps } from '../std/pauses.ts';
import { runInTurns } from '../std/turn-pace.ts';
import type { Diagnosis } from './framework/diagnosis.ts';
import type { Extender } from './framework/extender.ts';
import {
  type FilterPlans,
  type Found,
  findNodes,
  type NodeFilterContext,
  nodesToFind,
  planFilters,
  refusalWithNominated,
} from './framework/filter-nodes.ts';
import type { Cycle, Refusal } from './framework/plugin.ts';
import type { Profile } from './framework/profile.ts';
import { bestNode, scoreNodes } from './framework/score-nodes.ts';
import type { NodeInfo } from './node-info.ts';
import type { Nominations } from './nominations.ts';

export interface DecisionContext {
  readonly profile: Profile;
  readonly cycle: Cycle;
  readonly nominations: Nominations;
  /** From which node on to look. */
  readonly start: number;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Told how long the rules took at a point. */
  readonly onPoint?: ((point: DecisionPoint, status: PointStatus, ms: number) => void) | undefined;
}

/** Where the time of a decision goes, by upstream's names; preparing scores counts as scoring. */
export type DecisionPoint = 'PreFilter' | 'Filter' | 'PostFilter' | 'Score' | 'Reserve' | 'PreBind' | 'Bind';
export type PointStatus = 'Success' | 'Unschedulable' | 'Error';

export type Decision =
  | { readonly node: NodeInfo; readonly evaluated: number }
  | { readonly diagnosis: Diagnosis; readonly evaluated: number };

/** Chooses the best of the nodes that will do; among equals, one at random. Pure but for `random`. */
export const decide = (context: DecisionContext): Decision => runAtOnce(decideInSteps(context));

/**
 * The same with steps in between: a pod may have thousands of terms, and there may be thousands of nodes. What changes during a pause is seen by
 * some of the rules: as if it had come a moment earlier, or later.
 */
export function* decideInSteps(context: DecisionContext): Steps<Decision> {
  const found = yield* findFor(context);
  if (found.nodes.length === 0) return { diagnosis: found.diagnosis, evaluated: found.evaluated };
  const { profile, cycle, random } = context;
  if (found.nodes.length === 1) return { node: found.nodes[0]!, evaluated: found.evaluated };
  const totals = yield* timed(context, 'Score', scoreNodes(profile.scores, cycle, found.nodes));
  return { node: bestNode(found.nodes, totals, random), evaluated: found.evaluated };
}

function* timed<T>(
  { onPoint }: DecisionContext,
  point: DecisionPoint,
  steps: Steps<T>,
  statusOf?: (result: T) => PointStatus,
): Steps<T> {
  const startMs = performance.now();
  const result = yield* steps;
  onPoint?.(point, statusOf?.(result) ?? 'Success', performance.now() - startMs);
  return result;
}

/** The same, asking extenders. Rejects when one fails that is not ignorable. */
export async function decideWithExtenders(
  context: DecisionContext,
  extenders: readonly Extender[],
  signal: AbortSignal,
): Promise<Decision> {
  const { profile, cycle, random } = context;
  const asked = extenders.filter((extender) => extender.isInterested(cycle.pod));
  const { evaluated, ...found } = await filterByExtenders(await runInTurns(findFor(context)), { asked, cycle, signal });
  const { nodes } = found;
  if (nodes.length === 0) return { diagnosis: found.diagnosis, evaluated };
  const totals = await runInTurns(timed(context, 'Score', scoreNodes(profile.scores, cycle, nodes)));
  await Promise.all(
    asked.map(async (extender) => {
      // As upstream: who has no opinion, or cannot tell it, counts nothing.
      const points = await extender.prioritize?.(cycle.pod, nodes, signal).catch(() => undefined);
      if (points) for (const [i, { name }] of nodes.entries()) totals[i]! += points.get(name) ?? 0;
    }),
  );
  return { node: bestNode(nodes, totals, random), evaluated };
}

/** What the rules say to the pod, after all that they ask of other pods has been counted. */
export function* filterContextOf(context: DecisionContext): Steps<NodeFilterContext> {
  const { profile, cycle, nominations } = context;
  const prepared = function* () {
    const queries = profile.filters.flatMap((plugin) => plugin.queries?.(cycle) ?? []);
    yield* cycle.state.prepareCounts(queries);
    return planFilters(profile.filters, cycle);
  };
  const statusOf = ({ refusesAll }: FilterPlans) => (refusesAll ? 'Unschedulable' : 'Success');
  const plans = yield* timed(context, 'PreFilter', prepared(), statusOf);
  return { plugins: profile.filters, cycle, nominations, plans };
}

function* findFor(context: DecisionContext): Steps<Found> {
  const { profile, cycle, nominations, start } = context;
  const filters = yield* filterContextOf(context);
  const count = cycle.state.nodes().length;
  // Room was made for it there.
  const nominated = cycle.state.node(nominations.nodeOf(cycle.pod.uid) ?? cycle.pod.pod.status?.nominatedNodeName ?? '');
  const { only, refusesAll } = filters.plans;
  if (nominated && !refusesAll && (!only || only.has(nominated.name)) && !refusalWithNominated(nominated, filters)) {
    const diagnosis = {
      nodeCount: count,
      refusals: new Map(),
      others: undefined,
      general: undefined,
      plugins: new Set<string>(),
    };
    return { nodes: [nominated], evaluated: 1, diagnosis };
  }
  if (refusesAll) return yield* findNodes(filters, { wanted: 0, start });
  const wanted = nodesToFind(count, profile.percentageOfNodesToScore);
  const statusOf = ({ nodes }: Found) => (nodes.length ? 'Success' : 'Unschedulable');
  return yield* timed(context, 'Filter', findNodes(filters, { wanted, start }), statusOf);
}

/** What upstream names as the rule that refused, whichever of them it was. */
const EXTENDER = 'Extender';

async function filterByExtenders(
  found: Found,
  { asked, cycle, signal }: { asked: readonly Extender[]; cycle: Cycle; signal: AbortSignal },
): Promise<Found> {
  let { nodes } = found;
  const refusals = new Map<NodeInfo, Refusal>(found.diagnosis.refusals);
  const plugins = new Set(found.diagnosis.plugins);
  for (const extender of asked) {
    if (nodes.length === 0 || !extender.filter) continue;
    let result: Awaited<ReturnType<NonNullable<Extender['filter']>>>;
    try {
      result = await extender.filter(cycle.pod, nodes, signal);
    } catch (error) {
      if (extender.ignorable) continue;
      throw error;
    }
    const answer = result;
    for (const node of nodes) {
      if (answer.nodes.has(node.name)) continue;
      // Of a node that it says nothing about nobody knows what would help.
      const unresolvable = Object.hasOwn(answer.failedAndUnresolvable, node.name) || !Object.hasOwn(answer.failed, node.name);
      const reason = (unresolvable ? answer.failedAndUnresolvable : answer.failed)[node.name];
      refusals.set(node, { reasons: reason ? [reason] : [], unresolvable });
      plugins.add(EXTENDER);
    }
    nodes = nodes.filter(({ name }) => answer.nodes.has(name));
  }
  return { ...found, nodes, diagnosis: { ...found.diagnosis, refusals, plugins } };
}
