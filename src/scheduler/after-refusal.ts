import { isAbort } from '../std/lifecycle.ts';
import { runInTurns } from '../std/turn-pace.ts';
import { type DecisionContext, filterContextOf } from './decide.ts';
import { type Diagnosis, describeDiagnosis } from './framework/diagnosis.ts';
import type { Extender } from './framework/extender.ts';
import type { Amends } from './framework/plugin.ts';
import type { LazyObjects } from './lazy-objects.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { PodInfo } from './pod-info.ts';
import { askExtenders } from './preemption/ask-extenders.ts';
import { chooseCandidate } from './preemption/choose-candidate.ts';
import { planPreemption } from './preemption/preempt.ts';
import type { Candidate } from './preemption/victims.ts';
import type { Failure } from './report-failure.ts';

/** A pod that fits nowhere, and what is done for it. */
export interface Refused {
  readonly refused: Diagnosis;
  readonly failure: Failure;
  readonly amends: readonly Amends[];
  /** Where room is made for it. */
  readonly candidate?: Candidate;
}

/** Something must be read first. */
export interface NotYet {
  readonly wait: Promise<void>;
}

export interface RefusalContext {
  readonly objects: LazyObjects;
  readonly extenders: readonly Extender[];
  readonly metrics: SchedulerMetrics;
  /** Victims that were told to go for this pod. */
  readonly isLeaving: (pod: PodInfo) => boolean;
  readonly signal: AbortSignal;
}

/** What is done for a pod that fits nowhere (upstream's PostFilter): its rules may act, and room may be made. Rejects only when aborted. */
export async function afterRefusal(
  context: DecisionContext,
  diagnosis: Diagnosis,
  { objects, extenders, metrics, isLeaving, signal }: RefusalContext,
): Promise<Refused | NotYet> {
  const { profile, cycle, nominations, random } = context;
  const { state } = cycle;
  const isHopeless = diagnosis.nodeCount === 0;
  const amends = isHopeless ? [] : profile.filters.flatMap((each) => each.afterRefusal?.(cycle, diagnosis) ?? []);
  const refused = (afterwards?: string, keepsNomination = false): Refused => {
    const words = [...amends.map(({ message }) => message), ...(afterwards ? [`preemption: ${afterwards}`] : [])].join(', ');
    const message = describeDiagnosis(diagnosis, words);
    return {
      refused: diagnosis,
      amends,
      failure: { reason: 'Unschedulable', message, ...(!keepsNomination && { nominatedNodeName: null }) },
    };
  };
  const { preemption: options } = profile;
  if (!options || isHopeless) return refused();
  if (state.hasPodsBelow(cycle.pod.priority) && !objects.has(['PodDisruptionBudget']))
    return { wait: objects.need(['PodDisruptionBudget'], signal) };
  metrics.preemptionAttempts.add({});
  const { onPoint: _, ...untimed } = context;
  const planned = function* () {
    const filters = yield* filterContextOf(untimed);
    return yield* planPreemption({ ...filters, options, isLeaving, nominations, random }, diagnosis);
  };
  const plan = await runInTurns(planned());
  if ('impossible' in plan) return refused(plan.impossible, plan.keepsNomination);
  let candidates: readonly Candidate[];
  try {
    candidates = await askExtenders(plan.candidates, cycle.pod, { extenders, nodeOf: (name) => state.node(name), signal });
  } catch (error) {
    if (isAbort(error, signal)) throw error;
    return refused(error instanceof Error ? error.message : String(error), true);
  }
  const candidate = chooseCandidate(candidates);
  if (!candidate) return refused('no candidate node for preemption');
  metrics.preemptionVictims.observe({}, candidate.victims.length);
  const failure = {
    reason: 'Unschedulable',
    message: describeDiagnosis(diagnosis),
    nominatedNodeName: candidate.node.name,
  } as const;
  return { refused: diagnosis, amends: [], candidate, failure };
}
