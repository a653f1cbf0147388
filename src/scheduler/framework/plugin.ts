import type { ClusterState } from '../cluster-state.ts';
import type { NodeInfo } from '../node-info.ts';
import type { PodQuery } from '../pod-counts.ts';
import type { PodInfo } from '../pod-info.ts';
import type { ClusterEvent } from '../queue/cluster-event.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { Diagnosis } from './diagnosis.ts';

/** Why a node will not do, in the words of upstream's `FailedScheduling` event. */
export interface Refusal {
  readonly reasons: readonly string[];
  /** Taking pods off the node cannot help (upstream's UnschedulableAndUnresolvable). */
  readonly unresolvable: boolean;
}

/** One look at where one pod may go. */
export interface Cycle {
  readonly pod: PodInfo;
  readonly state: ClusterState;
  readonly objects: ClusterObjects;
}

export interface FilterPlan {
  /** The pod cannot go anywhere, whatever the node. */
  readonly refusesAll?: Refusal;
  /** Only these nodes are looked at. */
  readonly only?: ReadonlySet<string>;
  /** Undefined: the node will do. */
  readonly filter?: (node: NodeInfo) => Refusal | undefined;
}

export interface ScorePlan {
  score(node: NodeInfo): number;
  /** Brings the scores of `nodes` into 0 to 100, in place; without it they are so already. */
  normalise?(scores: number[], nodes: readonly NodeInfo[]): void;
}

/** What a pod needs to be written before it is bound. */
export interface Reservation {
  /** Writes it and waits until it has come true. */
  commit(signal: AbortSignal): Promise<void>;
  /** Takes back what was only thought. */
  release(): void;
  /** Takes back, after a failure, what `commit` may have written and what does not hold for a pod that has no place. */
  undo?(signal: AbortSignal): Promise<void>;
}

/** What a rule does for a pod that fits nowhere (upstream's PostFilter). */
export interface Amends {
  /** Said beside the reasons. */
  readonly message: string;
  /** Something that may let the pod in later. */
  readonly act?: (signal: AbortSignal) => Promise<void>;
}

/** One rule, under upstream's name. What is worked out once a pod is in the plans; plans are undefined when the rule has nothing to say. */
export interface Plugin {
  readonly name: string;
  /** Loads what deciding about such a pod takes; undefined when it is there. */
  prepare?(pod: PodInfo, objects: ClusterObjects): Promise<void> | undefined;
  /** What the plans for the pod will ask of all pods. */
  queries?(cycle: Cycle): readonly PodQuery[];
  planFilter?(cycle: Cycle): FilterPlan | undefined;
  planScore?(cycle: Cycle, nodes: readonly NodeInfo[]): ScorePlan | undefined;
  /** Called when no node will do. */
  afterRefusal?(cycle: Cycle, diagnosis: Diagnosis): Amends | undefined;
  /** Called for the chosen node. */
  reserve?(cycle: Cycle, node: NodeInfo): Reservation | undefined;
  /** Whether an event may let a pod pass that this rule has refused. */
  mayHelp?(event: ClusterEvent, pod: PodInfo, objects: ClusterObjects): boolean;
}

export const MAX_SCORE = 100;

/** Scales so that the largest is 100 (helper.DefaultNormalizeScore). */
export function normaliseToLargest(scores: number[]): void {
  const largest = maxOf(scores);
  if (largest === 0) return;
  for (let i = 0; i < scores.length; i++) scores[i] = Math.floor((MAX_SCORE * scores[i]!) / largest);
}

/** The same the other way round: the smallest is the best. */
export function normaliseReversed(scores: number[]): void {
  const largest = maxOf(scores);
  for (let i = 0; i < scores.length; i++)
    scores[i] = largest === 0 ? MAX_SCORE : MAX_SCORE - Math.floor((MAX_SCORE * scores[i]!) / largest);
}

/** Of many: spreading them as arguments has a limit. */
export function maxOf(numbers: readonly number[]): number {
  let largest = 0;
  for (const number of numbers) if (number > largest) largest = number;
  return largest;
}
