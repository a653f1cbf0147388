import type { V1Endpoint, V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { allocate, exchanges, hintedZones, type ZoneNumbers } from './zone-allocation.ts';

/** How the endpoints of a Service are hinted to places: not, to their own, or by the zones' shares of the CPU. */
export type HintMode = 'none' | 'PreferSameZone' | 'PreferSameNode' | 'Auto';

/** Slices of one kind of address: those that are to be written, whose hints are anybody's, and those that are to stay as they are. */
export interface HintedSlices {
  readonly create: readonly V1EndpointSlice[];
  readonly update: readonly V1EndpointSlice[];
  readonly unchanged: readonly V1EndpointSlice[];
}

const DEPRECATED_ANNOTATION = 'service.kubernetes.io/topology-aware-hints';
const ANNOTATION = 'service.kubernetes.io/topology-mode';

/** The annotation of a Service goes before its field; the annotation of older releases before both. */
export function hintModeOf({ metadata, spec }: V1Service): HintMode {
  const asked = metadata?.annotations?.[DEPRECATED_ANNOTATION] ?? metadata?.annotations?.[ANNOTATION];
  if (asked === 'Auto' || asked === 'auto') return 'Auto';
  switch (spec?.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return 'PreferSameZone';
    case 'PreferSameNode':
      return 'PreferSameNode';
    default:
      return 'none';
  }
}

/** Hints of endpoints to where they are themselves, or none. https://kubernetes.io/docs/concepts/services-networking/service/#traffic-distribution */
export function withOwnHints(slices: HintedSlices, mode: Exclude<HintMode, 'Auto'>): HintedSlices {
  const change = (endpoint: V1Endpoint) => withHints(endpoint, ownHints(endpoint, mode));
  const rewrite = (slice: V1EndpointSlice): V1EndpointSlice => ({ ...slice, endpoints: (slice.endpoints ?? []).map(change) });
  const { create, update, unchanged } = slices;
  const outdated = new Set(
    unchanged.filter(({ endpoints }) => (endpoints ?? []).some((endpoint) => !equalJson(endpoint.hints, change(endpoint).hints))),
  );
  return {
    create: create.map(rewrite),
    update: [...update, ...outdated].map(rewrite),
    unchanged: unchanged.filter((slice) => !outdated.has(slice)),
  };
}

function ownHints({ zone, nodeName }: V1Endpoint, mode: Exclude<HintMode, 'Auto'>): V1Endpoint['hints'] {
  const forZones = mode !== 'none' && zone ? { forZones: [{ name: zone }] } : undefined;
  const forNodes = mode === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : undefined;
  return forZones || forNodes ? { ...forZones, ...forNodes } : undefined;
}

/** Nobody is sent to an endpoint that is not ready, so nobody is told to prefer it either. */
function withHints({ hints: _, ...endpoint }: V1Endpoint, hints: V1Endpoint['hints']): V1Endpoint {
  return hints && endpoint.conditions?.ready ? { ...endpoint, hints } : endpoint;
}

export type ZoneHints =
  | { readonly slices: HintedSlices; readonly given: ZoneNumbers }
  /** Then no endpoint has a hint. */
  | { readonly slices: HintedSlices; readonly problem: string };

/**
 * Hints of endpoints to zones so that each zone has endpoints for its share of the CPU: their own zone first, then some go to zones that
 * lack them. Slices whose hints are good still are left alone. Pure.
 */
export function withZoneHints(slices: HintedSlices, shares: ZoneNumbers | undefined): ZoneHints {
  const all = [...slices.create, ...slices.update, ...slices.unchanged];
  const ready = all.flatMap(({ endpoints = [] }) => endpoints.filter(({ conditions }) => conditions?.ready));
  const allocations = allocate(shares, ready.length);
  const refused = (problem: string) => ({ slices: withOwnHints(slices, 'none'), problem });
  if (typeof allocations === 'string') return refused(allocations);
  const given = new Map<string, number>();
  const add = (zone: string, number: number) => given.set(zone, (given.get(zone) ?? 0) + number);
  const unchanged: V1EndpointSlice[] = [];
  const outdated: V1EndpointSlice[] = [];
  for (const slice of slices.unchanged) {
    const zones = hintedZones(slice, given, allocations);
    (zones ? unchanged : outdated).push(slice);
    for (const [zone, number] of zones ?? []) add(zone, number);
  }
  const update = [...slices.update, ...outdated];
  for (const { endpoints = [] } of [...slices.create, ...update])
    for (const { zone, conditions } of endpoints) {
      if (!conditions?.ready) continue;
      if (!zone) return refused('One or more endpoints do not have a zone specified');
      add(zone, 1);
    }
  const { giving, receiving } = exchanges(allocations, given);
  const zoneFor = (endpoint: V1Endpoint): string => {
    const own = endpoint.zone!;
    const [to] = endpoint.conditions?.ready && giving.has(own) ? receiving.keys() : [];
    if (to === undefined) return own;
    takeOne(giving, own);
    takeOne(receiving, to);
    add(own, -1);
    add(to, 1);
    return to;
  };
  const hint = (slice: V1EndpointSlice): V1EndpointSlice => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map((endpoint) => withHints(endpoint, { forZones: [{ name: zoneFor(endpoint) }] })),
  });
  return { slices: { create: slices.create.map(hint), update: update.map(hint), unchanged }, given };
}

function takeOne(zones: Map<string, number>, zone: string): void {
  const left = zones.get(zone)! - 1;
  if (left > 0) zones.set(zone, left);
  else zones.delete(zone);
}
