import type { V1Pod } from '../../api/gen/types.ts';
import type { Steps } from '../../std/pauses.ts';
import { type Diagnosis, describeDiagnosis } from '../framework/diagnosis.ts';
import type { NodeFilterContext } from '../framework/filter-nodes.ts';
import type { Refusal } from '../framework/plugin.ts';
import type { PreemptionOptions } from '../framework/profile.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import { type Candidate, selectVictims } from './victims.ts';

export type PreemptionPlan =
  | { readonly candidates: readonly Candidate[] }
  /** `keepsNomination`: victims are on their way out already. */
  | { readonly impossible: string; readonly keepsNomination: boolean };

const NOT_HELPFUL: Refusal = { reasons: ['Preemption is not helpful for scheduling'], unresolvable: true };

export interface PreemptionContext extends NodeFilterContext {
  readonly options: PreemptionOptions;
  /** Victims that were told to go for this pod. */
  readonly isLeaving: (pod: PodInfo) => boolean;
  readonly random: () => number;
}

/** Where room could be made for a pod that fits nowhere, or the words why nowhere. */
export function* planPreemption(context: PreemptionContext, diagnosis: Diagnosis): Steps<PreemptionPlan> {
  const { cycle, options, random } = context;
  const ineligible = whyIneligible(context, diagnosis);
  if (ineligible) return { impossible: ineligible, keepsNomination: true };
  const nodes = cycle.state.nodes().filter((node) => mayHelpOn(node, diagnosis));
  const wanted = Math.min(
    nodes.length,
    Math.max(options.minCandidateNodesAbsolute, Math.floor((nodes.length * options.minCandidateNodesPercentage) / 100)),
  );
  const candidates: Candidate[] = [];
  const refusals = new Map<NodeInfo, Refusal>();
  // Each namespace is asked for once.
  const budgets = new Map<string, ReturnType<typeof cycle.objects.budgets>>();
  const budgetsOf = (namespace: string) => {
    const known = budgets.get(namespace) ?? cycle.objects.budgets(namespace);
    budgets.set(namespace, known);
    return known;
  };
  const offset = Math.floor(random() * nodes.length);
  for (let i = 0; i < nodes.length; i++) {
    if (candidates.length >= wanted && candidates.some(({ violations }) => violations === 0)) break;
    const node = nodes[(offset + i) % nodes.length]!;
    const found = selectVictims(node, context, budgetsOf);
    if ('refusal' in found) refusals.set(node, found.refusal);
    else candidates.push(found);
    yield;
  }
  if (candidates.length) return { candidates };
  const why: Diagnosis = { ...diagnosis, refusals, others: NOT_HELPFUL, general: undefined };
  return { impossible: describeDiagnosis(why), keepsNomination: false };
}

function mayHelpOn(node: NodeInfo, { refusals, others }: Diagnosis): boolean {
  const refusal = refusals.get(node) ?? others;
  return refusal !== undefined && !refusal.unresolvable;
}

/** A pod that others make room for already must wait for them, unless the room would be of no use. */
function whyIneligible({ cycle, isLeaving, nominations }: PreemptionContext, diagnosis: Diagnosis): string | undefined {
  const { pod, state } = cycle;
  if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
  const nominated = state.node(nominations.nodeOf(pod.uid) ?? pod.pod.status?.nominatedNodeName ?? '');
  if (!nominated || (diagnosis.refusals.get(nominated) ?? diagnosis.others)?.unresolvable) return undefined;
  for (const other of nominated.pods.values())
    if (other.priority < pod.priority && (isLeaving(other) || isPreempted(other.pod)))
      return 'not eligible due to a terminating pod on the nominated node.';
  return undefined;
}

function isPreempted({ metadata, status }: V1Pod): boolean {
  if (!metadata?.deletionTimestamp) return false;
  const condition = status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  return condition?.status === 'True' && condition.reason === 'PreemptionByScheduler';
}
