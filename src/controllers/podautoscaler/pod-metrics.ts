import type { V1Pod } from '../../api/gen/types.ts';
import { parseQuantity, quantityMilliValue } from '../../api/machinery/quantity.ts';

/** One pod's measured value, in thousandths. */
export interface PodMetric {
  readonly value: number;
  readonly timestampMs: number;
  readonly windowMs: number;
}

/** By pod name. */
export type PodMetrics = Map<string, PodMetric>;

/** How far from its target a value may be without anything being done, as shares: 0.1. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}

export interface ReadinessRules {
  readonly nowMs: number;
  /** CPU of a young pod counts only when it was measured since the pod became ready. */
  readonly cpuInitializationMs: number;
  /** A pod that was last unready so soon after its start was never ready. */
  readonly initialReadinessMs: number;
}

export const milliOf = (quantity: string): number => Number(quantityMilliValue(parseQuantity(quantity)));

export interface PodGroups {
  readonly readyCount: number;
  /** Their values say nothing yet. */
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

/**
 * Which pods count, and takes from `metrics` what does not (groupPods in upstream's replica_calculator.go).
 *
 * @param resource `cpu` has rules of its own; empty for what is no resource
 */
export function groupPods(pods: readonly V1Pod[], metrics: PodMetrics, resource: string, rules: ReadinessRules): PodGroups {
  const unready = new Set<string>();
  const missing = new Set<string>();
  let readyCount = 0;
  for (const pod of pods) {
    const name = pod.metadata?.name ?? '';
    const metric = metrics.get(name);
    if (pod.metadata?.deletionTimestamp || pod.status?.phase === 'Failed') metrics.delete(name);
    else if (pod.status?.phase === 'Pending' || (metric && resource === 'cpu' && isCpuUnsettled(pod, metric, rules))) {
      unready.add(name);
      metrics.delete(name);
    } else if (metric) readyCount++;
    else missing.add(name);
  }
  return { readyCount, unready, missing };
}

function isCpuUnsettled({ status }: V1Pod, metric: PodMetric, rules: ReadinessRules): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (!ready || !status?.startTime) return true;
  const startMs = Date.parse(status.startTime);
  const turnedMs = Date.parse(ready.lastTransitionTime ?? status.startTime);
  if (startMs + rules.cpuInitializationMs > rules.nowMs)
    return ready.status === 'False' || metric.timestampMs < turnedMs + metric.windowMs;
  return ready.status === 'False' && startMs + rules.initialReadinessMs > turnedMs;
}

/** What each pod asks for, in thousandths. Throws in upstream's words when a container asks for nothing. */
export function requestsOf(pods: readonly V1Pod[], resource: string, container: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    const counted = [...(spec?.containers ?? []), ...sidecars].filter(({ name }) => !container || name === container);
    let sum = 0;
    for (const { name, resources } of counted) {
      const request = resources?.requests?.[resource];
      if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata?.name}`);
      sum += milliOf(request);
    }
    requests.set(metadata?.name ?? '', sum);
  }
  return requests;
}
