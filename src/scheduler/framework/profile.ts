import type { Plugin } from './plugin.ts';

/** The rules for the pods that name one scheduler. */
export interface Profile {
  readonly schedulerName: string;
  /** In the order in which they are asked; the first that refuses a node says why. */
  readonly filters: readonly Plugin[];
  readonly scores: readonly { readonly plugin: Plugin; readonly weight: number }[];
  readonly reserves: readonly Plugin[];
  /** Undefined: pods of this profile preempt nobody. */
  readonly preemption: PreemptionOptions | undefined;
  /** Of nodes to find before those found are scored; 0: fewer the more nodes there are. */
  readonly percentageOfNodesToScore: number;
}

export interface PreemptionOptions {
  readonly minCandidateNodesPercentage: number;
  readonly minCandidateNodesAbsolute: number;
}

export const DEFAULT_PREEMPTION: PreemptionOptions = { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 };
