import type { V1Pod } from '../../api/gen/types.ts';
import type { ProbeKind, RuntimeContainer } from '../runtime/runtime.ts';

/** Why a running container must be killed and started again. */
export interface ProbeFailure {
  readonly kind: Extract<ProbeKind, 'startup' | 'liveness'>;
  /** The probe's own `terminationGracePeriodSeconds`; undefined: the pod's. */
  readonly gracePeriodSeconds?: number;
}

export interface ProbeOutcome {
  /** Ids of running containers to kill. */
  readonly unhealthy: Set<string>;
  /** The same by id, with the reason, where the probes are real. */
  readonly failures?: ReadonlyMap<string, ProbeFailure>;
  /** After how long to come again; without it a change is told to the subscribers. */
  readonly recheckAfterMs?: number;
}

/**
 * What probes have shown of the containers of pods. `isStarted` and `isReady` answer from what is known; a container that does not
 * run is neither.
 */
export interface PodProbes {
  isStarted(pod: V1Pod, container: RuntimeContainer): boolean;
  isReady(pod: V1Pod, container: RuntimeContainer): boolean;
  /**
   * To be called at each sync of a pod, with all its containers, also while it ends: keeps the right probes going and answers
   * what they have come to. Never waits for a probe of a real container.
   */
  check(pod: V1Pod, containers: readonly RuntimeContainer[], nowMs: number): Promise<ProbeOutcome>;
  /** The containers are gone, or nobody asks for them any more: their probes end. */
  forget(containers: readonly RuntimeContainer[]): void;
  /** Calls `listener` with a pod's uid when a result of its probes has changed. Hollow pods' probes have none to tell. */
  subscribe?(listener: (podUid: string) => void): () => void;
}
