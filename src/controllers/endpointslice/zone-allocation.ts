import type { V1EndpointSlice, V1Node } from '../../api/gen/types.ts';
import { parseQuantity, quantityMilliValue } from '../../api/machinery/quantity.ts';

/*
 * How many endpoints of a Service each zone should have, by the share of the cluster's CPU that it has (KEP-2433, topology aware routing).
 * The figures are upstream's (k8s.io/endpointslice/topologycache).
 */

export const ZONE = 'topology.kubernetes.io/zone';
/** Nodes with these do not count: no clients of Services are expected there. */
const EXCLUDED = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'] as const;
/** How much more than its share of the traffic one endpoint may get. */
const OVERLOAD = 0.2;

/** By zone, in the order of their names. */
export type ZoneNumbers = ReadonlyMap<string, number>;

export interface Allocation {
  readonly minimum: number;
  readonly maximum: number;
  readonly desired: number;
}

export const isNodeReady = ({ status }: V1Node): boolean =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';

/** Each zone's share of the CPU of ready nodes. Undefined with fewer than two zones, or when a node tells no zone or no CPU. */
export function cpuShares(nodes: readonly V1Node[]): ZoneNumbers | undefined {
  const byZone = new Map<string, number>();
  for (const node of nodes) {
    const { labels = {} } = node.metadata ?? {};
    if (EXCLUDED.some((name) => labels[name] !== undefined) || !isNodeReady(node)) continue;
    const cpu = Number(quantityMilliValue(parseQuantity(String(node.status?.allocatable?.['cpu'] ?? '0'))));
    const zone = labels[ZONE];
    if (!zone || cpu === 0) return undefined;
    byZone.set(zone, (byZone.get(zone) ?? 0) + cpu);
  }
  if (byZone.size < 2) return undefined;
  const total = [...byZone.values()].reduce((sum, cpu) => sum + cpu);
  return new Map([...byZone].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, cpu]) => [zone, cpu / total]));
}

/** What each zone should have of a Service's ready endpoints, or why that cannot be. */
export function allocate(shares: ZoneNumbers | undefined, endpoints: number): ReadonlyMap<string, Allocation> | string {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const about = `(${endpoints} endpoints, ${shares.size} zones)`;
  if (shares.size > endpoints) return `Insufficient number of endpoints ${about}`;
  const minima = new Map([...shares].map(([zone, share]) => [zone, leastOf(share * endpoints)]));
  const least = [...minima.values()].reduce((sum, minimum) => sum + minimum);
  if (least > endpoints)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${about}`;
  return new Map(
    [...shares].map(([zone, share]) => {
      const minimum = minima.get(zone)!;
      return [zone, { minimum, maximum: minimum + endpoints - least, desired: Math.max(share * endpoints, minimum) }];
    }),
  );
}

const leastOf = (desired: number): number => Math.ceil(desired * (1 / (1 + OVERLOAD)));

/** Whether some zone has fewer endpoints of a Service than its share of the CPU asks for. */
export function isOverloaded(given: ZoneNumbers, shares: ZoneNumbers | undefined): boolean {
  if (given.size === 0) return false;
  if (!shares) return true;
  const total = [...given.values()].reduce((sum, number) => sum + number);
  return [...shares].some(([zone, share]) => (given.get(zone) ?? -1) < leastOf(total * share));
}

/** How many endpoints zones have to give to others, and how many others get. */
export function exchanges(
  allocations: ReadonlyMap<string, Pick<Allocation, 'desired'>>,
  given: ZoneNumbers,
): { readonly giving: Map<string, number>; readonly receiving: Map<string, number> } {
  const surplus = new Map<string, number>();
  const lack = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const difference = (given.get(zone) ?? 0) - desired;
    if (difference > 0) surplus.set(zone, difference);
    else if (difference < 0) lack.set(zone, -difference);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const from = most(surplus);
    const to = most(lack);
    // Half an endpoint more or less is not worth leaving the zone for.
    if (!from || !to || (from.number < 1 && to.number < 1) || from.number < 0.5 || to.number < 0.5) return { giving, receiving };
    for (const [zones, exact, { zone, number }] of [[giving, surplus, from] as const, [receiving, lack, to] as const]) {
      zones.set(zone, (zones.get(zone) ?? 0) + 1);
      exact.set(zone, number - 1);
    }
  }
}

function most(zones: ZoneNumbers): { readonly zone: string; readonly number: number } | undefined {
  let found: { zone: string; number: number } | undefined;
  for (const [zone, number] of zones) if (number > (found?.number ?? 0)) found = { zone, number };
  return found;
}

/**
 * How many endpoints of a slice are hinted to each zone. Undefined when its hints cannot stay: one is missing, is for a zone without an
 * allocation, or a zone would have more than its maximum.
 */
export function hintedZones(
  { endpoints = [] }: Pick<V1EndpointSlice, 'endpoints'>,
  others: ZoneNumbers,
  allocations: ReadonlyMap<string, Pick<Allocation, 'maximum'>>,
): ZoneNumbers | undefined {
  const zones = new Map<string, number>();
  for (const { conditions, hints } of endpoints) {
    if (!conditions?.ready) continue;
    const names = (hints?.forZones ?? []).map(({ name }) => name);
    if (names.length === 0 || names.some((name) => !allocations.has(name))) return undefined;
    for (const name of names) zones.set(name, (zones.get(name) ?? 0) + 1);
  }
  const isTooMuch = [...zones].some(([zone, number]) => number + (others.get(zone) ?? 0) > allocations.get(zone)!.maximum);
  return isTooMuch ? undefined : zones;
}
