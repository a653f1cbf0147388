import { podRequests as requestedQuantities } from '../api/core/v1/pod-resource-usage.ts';
import type { V1Pod } from '../api/gen/types.ts';
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

/** A pod's requests, with what containers have been given by resizing. */
export function podRequests(pod: V1Pod): Map<string, bigint> {
  const requests = requestedQuantities(pod, { fromStatus: true });
  return new Map([...requests].map(([resource, quantity]) => [resource, quantityMilliValue(quantity)]));
}

/** Requests with the assumed amounts where there are none. */
export function assumedRequests(requests: Amounts): Map<string, bigint> {
  return new Map(Object.entries(ASSUMED_REQUESTS).map(([resource, assumed]) => [resource, requests.get(resource) || assumed]));
}
