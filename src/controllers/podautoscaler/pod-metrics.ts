import { podRequests } from '../../api/core/v1/pod-resource-usage.ts';
import { isPodLevelResource } from '../../api/core/v1/resource-names.ts';
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

/**
 * What each pod asks for, in thousandths: what is asked for the pod as a whole, or by its containers and sidecars. Throws in upstream's
 * words when one of them asks for nothing.
 *
 * @param container empty: all of a pod
 */
export function requestsOf(pods: readonly V1Pod[], resource: string, container: string): Map<string, number> {
  const asksAsWhole = ({ spec }: V1Pod) => Object.keys(spec?.resources?.requests ?? {}).some(isPodLevelResource);
  return new Map(
    pods.map((pod) => [
      pod.metadata?.name ?? '',
      !container && asksAsWhole(pod) ? requestOfWhole(pod, resource) : requestOfContainers(pod, resource, container),
    ]),
  );
}

function requestOfWhole(pod: V1Pod, resource: string): number {
  const request = podRequests(pod).get(resource);
  if (request === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${pod.metadata?.name}`);
  return Number(quantityMilliValue(request));
}

function requestOfContainers({ metadata, spec }: V1Pod, resource: string, container: string): number {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const counted = [...(spec?.containers ?? []), ...sidecars].filter(({ name }) => !container || name === container);
  if (container && counted.length === 0) throw new Error(`container ${container} not found in Pod ${metadata?.name}`);
  let sum = 0;
  for (const { name, resources } of counted) {
    const request = resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata?.name}`);
    sum += milliOf(request);
  }
  return sum;
}
