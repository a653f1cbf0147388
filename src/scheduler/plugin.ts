import type { V1Pod } from '../api/gen/types.ts';
import type { NodeInfo } from './node-info.ts';

/** What is worked out once a pod, before the nodes are looked at. */
export interface PodFacts {
  readonly pod: V1Pod;
  /** Resource name → amount in thousandths. */
  readonly requests: ReadonlyMap<string, bigint>;
}

/** A reason why a node will not do, in the words of upstream's `FailedScheduling` event. */
export interface FilterPlugin {
  readonly name: string;
  /** Empty when the node will do. */
  filter(facts: PodFacts, node: NodeInfo): readonly string[];
}

/** Prefers some nodes to others. Scores are whole numbers from 0 to 100. */
export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  score(facts: PodFacts, node: NodeInfo): number;
}
