import type { Problem } from './container-status.ts';
import type { PodMemory, PodWork, WantedPod } from './pod-work.ts';

/** A step towards what the pod asks for failed; it is tried again. What users look for has been told. */
export class PodSyncError extends Error {
  override readonly name = 'PodSyncError';
}

/** One go at a pod: what it has tried, and what it has stopped on the way. */
export interface Pass {
  readonly work: PodWork;
  readonly wanted: WantedPod;
  readonly memory: PodMemory;
  readonly uid: string;
  readonly signal: AbortSignal;
  /** Why containers cannot start, by name; each is tried once in a pass. */
  readonly trouble: Map<string, Problem>;
  readonly killed: Map<string, { restart: boolean }>;
  prepared: boolean;
  /** A sandbox has been made in this pass. */
  hasMadeSandbox: boolean;
}
