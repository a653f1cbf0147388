import type { V1Pod } from '../../api/gen/types.ts';
import type { Component } from '../../std/lifecycle.ts';
import type { PodProbes } from '../probes/pod-probes.ts';
import type { RuntimeContainer } from '../runtime/runtime.ts';
import type { RunHook } from './lifecycle-hooks.ts';
import type { NodeAdmission } from './pod-parts.ts';
import type { PodStarter } from './pod-starter.ts';

/** Pods that the node's own manifests name. */
export interface StaticPods extends Component {
  list(): readonly V1Pod[];
  find(uid: string): V1Pod | undefined;
  /** Tells the uid of each pod that came, or went. */
  onChange(listener: (uid: string) => void): () => void;
  /**
   * Makes the API server's mirror of a static pod as it has to be; the mirror without a pod goes.
   *
   * @param mirror what the API server has
   */
  mirror(pod: V1Pod | undefined, mirror: V1Pod | undefined): Promise<void>;
}

/** What keeping pods with processes takes; put together by `real-pods.ts`. */
export interface RealPods {
  readonly createStarter: (stop: (pod: V1Pod, container: RuntimeContainer, message: string) => Promise<void>) => PodStarter;
  readonly runHook: RunHook;
  readonly probes: PodProbes;
  readonly admission: NodeAdmission;
  readonly staticPods?: StaticPods;
  /** Calls `listener` with the pod's uid when something of a pod should be looked at: its volumes. */
  readonly subscribe: (listener: (podUid: string) => void) => () => void;
  /** `crashLoopBackOff.maxContainerRestartPeriod`. */
  readonly longestRestartDelayMs?: number;
  readonly longestRetryMs: number;
  /** `syncFrequency`: every pod is looked at so often. */
  readonly syncMs: number;
  /** How often what nobody wants any more is looked for. */
  readonly sweepMs: number;
}
