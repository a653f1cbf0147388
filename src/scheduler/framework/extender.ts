import type { NodeInfo } from '../node-info.ts';
import type { PodInfo } from '../pod-info.ts';
import type { Candidate } from '../preemption/victims.ts';

/** A program of others that is asked over HTTP after the rules (kube-scheduler/extender/v1). */
export interface Extender {
  readonly name: string;
  /** What it fails at does not matter. */
  readonly ignorable: boolean;
  /** Whether it wants to be asked about a pod. */
  isInterested(pod: PodInfo): boolean;
  filter?(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<ExtenderFilterResult>;
  /** Scores by node name, weighted; 10 is upstream's best before that. */
  prioritize?(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  bind?(pod: PodInfo, nodeName: string, signal: AbortSignal): Promise<void>;
  /** Which of the candidates it lets be, with which victims; it may name other nodes, too. */
  preempt?(pod: PodInfo, candidates: readonly Candidate[], context: ExtenderContext): Promise<readonly Candidate[]>;
}

export interface ExtenderContext {
  readonly nodeOf: (name: string) => NodeInfo | undefined;
  readonly signal: AbortSignal;
}

export interface ExtenderFilterResult {
  /** Names of those that will do. */
  readonly nodes: ReadonlySet<string>;
  /** Why others will not, by name. */
  readonly failed: Readonly<Record<string, string>>;
  /** The same where preemption cannot help. */
  readonly failedAndUnresolvable: Readonly<Record<string, string>>;
}
