import { podRequests as requestedQuantities } from '../api/core/v1/pod-resource-usage.ts';
import type { V1Pod } from '../api/gen/types.ts';
import { parseQuantity, type Quantity, quantityMilliValue, quantityValue } from '../api/machinery/quantity.ts';

/**
 * Amounts that the hot path adds and compares: cpu in thousandths, all else in whole units, rounded up as upstream rounds. They are
 * numbers and no BigInts: exact up to 2^53, which no machine's memory reaches.
 */
export interface Resources {
  cpu: number;
  memory: number;
  /** Everything else, by name: `ephemeral-storage`, `hugepages-2Mi`, `example.com/gpu`; for nodes `pods`, too. */
  readonly others: Map<string, number>;
}

/**
 * What scoring assumes of a container that requests nothing, so that such pods spread too
 * (pkg/scheduler/util/pod_resources.go: 100m cpu, 200 MiB).
 */
const ASSUMED_CPU = 100;
const ASSUMED_MEMORY = 200 * 1024 * 1024;

export const noResources = (): Resources => ({ cpu: 0, memory: 0, others: new Map() });

/** Of a ResourceList: a node's allocatable, a pod's overhead. */
export function resourcesOf(list: Readonly<Record<string, string | number>> | undefined): Resources {
  return fromQuantities(Object.entries(list ?? {}).map(([name, amount]) => [name, parseQuantity(String(amount))]));
}

export interface RequestsOfPod {
  /** With what containers have been given by resizing. */
  readonly requests: Resources;
  /** cpu and memory with the assumed amounts of containers that say none; an amount of zero is one. */
  readonly assumedCpu: number;
  readonly assumedMemory: number;
}

const ASSUMED: readonly (readonly [string, Quantity])[] = [
  ['cpu', parseQuantity(`${ASSUMED_CPU}m`)],
  ['memory', parseQuantity(`${ASSUMED_MEMORY}`)],
];

/** A pod's requests as they are, and as scoring counts them (framework.PodInfo.CalculateResource). */
export function requestsOf(pod: V1Pod): RequestsOfPod {
  const quantities = requestedQuantities(pod, { fromStatus: true });
  const requests = fromQuantities(quantities);
  const { containers = [], initContainers = [], resources } = pod.spec ?? {};
  const saysNothing = (name: string) =>
    [...containers, ...initContainers].some((container) => container.resources?.requests?.[name] === undefined);
  const isAskedAsWhole = Object.keys(resources?.requests ?? {}).length > 0;
  // What is asked for the pod as a whole makes up for what its containers do not say.
  const missing = ASSUMED.filter(([name]) => (isAskedAsWhole ? !quantities.has(name) : saysNothing(name)));
  if (missing.length === 0) return { requests, assumedCpu: requests.cpu, assumedMemory: requests.memory };
  const { cpu, memory } = fromQuantities(requestedQuantities(pod, { fromStatus: true, missing: new Map(missing) }));
  return { requests, assumedCpu: cpu, assumedMemory: memory };
}

function fromQuantities(quantities: Iterable<readonly [string, Quantity]>): Resources {
  const resources = noResources();
  for (const [name, quantity] of quantities) {
    if (name === 'cpu') resources.cpu = Number(quantityMilliValue(quantity));
    else if (name === 'memory') resources.memory = Number(quantityValue(quantity));
    else resources.others.set(name, Number(quantityValue(quantity)));
  }
  return resources;
}

export function addResources(total: Resources, more: Resources): void {
  total.cpu += more.cpu;
  total.memory += more.memory;
  for (const [name, amount] of more.others) total.others.set(name, (total.others.get(name) ?? 0) + amount);
}

export function subtractResources(total: Resources, less: Resources): void {
  total.cpu -= less.cpu;
  total.memory -= less.memory;
  for (const [name, amount] of less.others) total.others.set(name, (total.others.get(name) ?? 0) - amount);
}

/** One amount by its name. */
export function amountOf(resources: Resources, name: string): number {
  if (name === 'cpu') return resources.cpu;
  return name === 'memory' ? resources.memory : (resources.others.get(name) ?? 0);
}
