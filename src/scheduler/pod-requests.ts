import type { V1Container, V1Pod } from '../api/gen/types.ts';
import { parseQuantity, quantityMilliValue } from '../api/machinery/quantity.ts';

/** Resource name → amount in thousandths of its unit, so that `100m` of cpu is a whole number. */
export type Amounts = ReadonlyMap<string, bigint>;

/**
 * What scoring assumes of a pod that requests nothing, so that such pods spread too
 * (pkg/scheduler/util/pod_resources.go: 100m cpu, 200 MiB).
 */
export const ASSUMED_REQUESTS: Readonly<Record<string, bigint>> = { cpu: 100n, memory: 200n * 1024n * 1024n * 1000n };

/** Parses a ResourceList. */
export function amountsOf(list: Readonly<Record<string, string | number>> | undefined): Map<string, bigint> {
  return new Map(
    Object.entries(list ?? {}).map(([resource, quantity]) => [resource, quantityMilliValue(parseQuantity(String(quantity)))]),
  );
}

/** Adds `amounts` to `total`, in place; with a sign of -1n, takes them away. */
export function addAmounts(total: Map<string, bigint>, amounts: Amounts, sign: 1n | -1n = 1n): void {
  for (const [resource, amount] of amounts) total.set(resource, (total.get(resource) ?? 0n) + sign * amount);
}

function raiseTo(total: Map<string, bigint>, amounts: Amounts): void {
  for (const [resource, amount] of amounts) if (amount > (total.get(resource) ?? 0n)) total.set(resource, amount);
}

const requestsOf = (container: V1Container): Map<string, bigint> => amountsOf(container.resources?.requests);

/**
 * A pod's requests: its containers' and sidecars' together, or the most that an init container needs beside the sidecars
 * started before it, whichever is more; plus overhead (component-helpers/resource/helpers.go PodRequests).
 */
export function podRequests(pod: V1Pod): Map<string, bigint> {
  const total = new Map<string, bigint>();
  for (const container of pod.spec?.containers ?? []) addAmounts(total, requestsOf(container));
  const sidecars = new Map<string, bigint>();
  const initPeak = new Map<string, bigint>();
  for (const container of pod.spec?.initContainers ?? []) {
    const requests = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      addAmounts(sidecars, requests);
      raiseTo(initPeak, sidecars);
      continue;
    }
    addAmounts(requests, sidecars);
    raiseTo(initPeak, requests);
  }
  addAmounts(total, sidecars);
  raiseTo(total, initPeak);
  for (const [resource, amount] of amountsOf(pod.spec?.resources?.requests)) total.set(resource, amount);
  addAmounts(total, amountsOf(pod.spec?.overhead));
  return total;
}

/** Requests with the assumed amounts where there are none. */
export function assumedRequests(requests: Amounts): Map<string, bigint> {
  return new Map(Object.entries(ASSUMED_REQUESTS).map(([resource, assumed]) => [resource, requests.get(resource) || assumed]));
}
