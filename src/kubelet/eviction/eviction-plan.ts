/** When a node is under pressure, and what it must get back first (pkg/kubelet/eviction/eviction_manager.go, synchronize). Pure. */
import { conditionOf, isMemory, type Observations, type PressureCondition } from './signals.ts';
import { isMet, type Threshold, thresholdKey } from './thresholds.ts';

/** What is remembered from one look to the next. */
export interface EvictionState {
  /** When each threshold was first found crossed, by its key; those that are crossed no more are not there. */
  readonly firstMetMs: ReadonlyMap<string, number>;
  readonly conditionSeenMs: ReadonlyMap<PressureCondition, number>;
  /** Crossed for their grace period at the last look. */
  readonly met: readonly Threshold[];
  readonly observations: Observations;
}

export const NO_EVICTION: EvictionState = {
  firstMetMs: new Map(),
  conditionSeenMs: new Map(),
  met: [],
  observations: new Map(),
};

export interface EvictionPlan {
  readonly state: EvictionState;
  /** What the node tells of itself, in the order in which it came to be. */
  readonly conditions: readonly PressureCondition[];
  /** Crossed for their grace period and measured anew since the last look. */
  readonly act: readonly Threshold[];
  /** The first of them to relieve: memory goes before all else. */
  readonly relieve?: Threshold;
}

export interface EvictionSettings {
  readonly thresholds: readonly Threshold[];
  /** `evictionPressureTransitionPeriod`: a condition stays so long after it was last seen. */
  readonly transitionPeriodMs: number;
}

export function planEviction(
  before: EvictionState,
  settings: EvictionSettings,
  observations: Observations,
  nowMs: number,
): EvictionPlan {
  const crossed = settings.thresholds.filter((threshold) => {
    const observed = observations.get(threshold.signal);
    return observed !== undefined && isMet(threshold, observed);
  });
  // What was crossed stays so until the minimum reclaim is reached, too.
  const unresolved = before.met.filter((threshold) => {
    const observed = observations.get(threshold.signal);
    return observed !== undefined && isMet(threshold, observed, true);
  });
  const all = new Map([...crossed, ...unresolved].map((threshold) => [thresholdKey(threshold), threshold]));
  const firstMetMs = new Map([...all.keys()].map((key) => [key, before.firstMetMs.get(key) ?? nowMs]));
  const conditionSeenMs = new Map(before.conditionSeenMs);
  for (const { signal } of all.values()) conditionSeenMs.set(conditionOf(signal), nowMs);
  const current = new Set([...all.values()].map(({ signal }) => conditionOf(signal)));
  for (const [condition, seenMs] of conditionSeenMs)
    if (nowMs - seenMs >= settings.transitionPeriodMs && !current.has(condition)) conditionSeenMs.delete(condition);
  const met = [...all]
    .filter(([key, { gracePeriodMs }]) => nowMs - firstMetMs.get(key)! >= gracePeriodMs)
    .map(([, threshold]) => threshold);
  const act = met.filter(
    // Another time is enough: a clock that was set back must not keep anybody from acting.
    ({ signal }) => observations.get(signal)!.timeMs !== before.observations.get(signal)?.timeMs,
  );
  const relieve = act.find(({ signal }) => isMemory(signal)) ?? act[0];
  return {
    state: { firstMetMs, conditionSeenMs, met, observations },
    conditions: [...conditionSeenMs.keys()],
    act,
    ...(relieve && { relieve }),
  };
}

/** Whether nothing is crossed any more, the minimum reclaim included: enough was found without ending a pod. */
export function isRelieved(thresholds: readonly Threshold[], observations: Observations): boolean {
  return thresholds.every((threshold) => {
    const observed = observations.get(threshold.signal);
    return observed === undefined || !isMet(threshold, observed, true);
  });
}
