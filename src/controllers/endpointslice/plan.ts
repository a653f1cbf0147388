import { endpointsKind } from '../../api/core/v1/endpoints.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointSlice, V1Endpoints, V1Pod, V1Service } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import { controllerReference } from '../workloads/owner.ts';
import {
  type AddressType,
  addressesOf,
  addressTypesOf,
  conditionsOf,
  type EndpointPort,
  hostnameIn,
  isEndpoint,
  isHeadless,
  portsReader,
} from './service-pods.ts';
import { type HintedSlices, withOwnHints } from './slice-hints.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';
export const SLICE_CONTROLLER = 'endpointslice-controller.k8s.io';

/** Endpoints of one kind of address with the same ports: what may be in one slice. */
export interface EndpointGroup {
  readonly addressType: AddressType;
  readonly ports: readonly DiscoveryV1EndpointPort[];
  readonly endpoints: readonly V1Endpoint[];
}

export interface SlicePlan {
  readonly create: readonly V1EndpointSlice[];
  readonly update: readonly V1EndpointSlice[];
  readonly remove: readonly V1EndpointSlice[];
}

/** What is known of a node. */
export type ZoneOf = (nodeName: string) => string | undefined;

/** So many endpoints are looked at between two pauses: some milliseconds. */
const PART = 500;
/** So many ports are looked at in the time of one more endpoint. */
const PORTS_A_POD = 10;

/** The endpoints that a Service should have. Every kind of address has a group, though nobody be in it. */
export const groupEndpoints = (service: V1Service, pods: readonly V1Pod[], zoneOf: ZoneOf): EndpointGroup[] =>
  runAtOnce(groupEndpointsInSteps(service, pods, zoneOf));

/** The same of thousands of pods. */
export function* groupEndpointsInSteps(service: V1Service, pods: readonly V1Pod[], zoneOf: ZoneOf): Steps<EndpointGroup[]> {
  const pace = new Pace(PART);
  const all: EndpointGroup[] = [];
  const portsOf = portsReader(service);
  const portCount = service.spec?.ports?.length ?? 0;
  for (const addressType of addressTypesOf(service)) {
    const groups = new Map<string, EndpointGroup & { readonly endpoints: V1Endpoint[] }>();
    for (const pod of pods) {
      if (pace.due(1 + portCount / PORTS_A_POD)) yield;
      const addresses = isEndpoint(pod) ? addressesOf(pod, addressType) : [];
      if (addresses.length === 0) continue;
      const { ports, key } = portsOf(pod);
      if (ports.length === 0 && portCount > 0) continue;
      const group = groups.get(key) ?? { addressType, ports: ports.flatMap(slicePort), endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpointOf(service, pod, addresses[0]!, zoneOf));
    }
    if (groups.size === 0) all.push({ addressType, ports: [], endpoints: [] });
    for (const group of groups.values()) all.push(group);
  }
  return all;
}

const slicePort = ({ name, port, protocol, appProtocol }: EndpointPort): DiscoveryV1EndpointPort[] =>
  port === undefined ? [] : [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }];

function endpointOf(service: V1Service, pod: V1Pod, address: string, zoneOf: ZoneOf): V1Endpoint {
  const { namespace, name, uid } = pod.metadata ?? {};
  const { nodeName } = pod.spec ?? {};
  const zone = nodeName === undefined ? undefined : zoneOf(nodeName);
  const hostname = hostnameIn(service, pod);
  const conditions = conditionsOf(service, pod);
  return {
    addresses: [address],
    conditions,
    ...(hostname && { hostname }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
  };
}

export interface SlicesOf {
  readonly service: V1Service;
  /** What the slices are a mirror of: they belong to it, and have its labels and annotations instead of the Service's labels. */
  readonly mirrored?: V1Endpoints;
  readonly existing: readonly V1EndpointSlice[];
  readonly groups: readonly EndpointGroup[];
  readonly maxEndpoints: number;
  readonly managedBy: string;
  /** When what caused this was changed, for `endpoints.kubernetes.io/last-change-trigger-time`. */
  readonly triggerTime?: string;
  /** Gives the slices their hints. Default: none have any. */
  readonly hints?: (slices: HintedSlices) => HintedSlices;
}

/**
 * Which slices are to be written so that they hold the groups: endpoints stay in the slice that has them, new ones fill what has room,
 * then go into slices of their own. Few writes count for more than full slices.
 */
export const planSlices = (asked: SlicesOf): SlicePlan => runAtOnce(planSlicesInSteps(asked));

/** The same for thousands of endpoints. */
export function* planSlicesInSteps(asked: SlicesOf): Steps<SlicePlan> {
  const pace = new Pace(PART);
  const { existing, groups, hints = (slices) => withOwnHints(slices, 'none') } = asked;
  const create: V1EndpointSlice[] = [];
  const update: V1EndpointSlice[] = [];
  const unchanged: V1EndpointSlice[] = [];
  const kept = new Set<V1EndpointSlice>();
  // By what they hold: of pods with ports of their own each has a group, and a slice.
  const byGroup = Map.groupBy(existing, groupKeyOf);
  for (const group of groups) {
    const own = byGroup.get(groupKeyOf(group)) ?? [];
    if (pace.due(1)) yield;
    const missing = new Map<string, V1Endpoint>();
    for (const endpoint of group.endpoints) {
      missing.set(identityOf(endpoint), endpoint);
      if (pace.due(1)) yield;
    }
    const contents: Content[] = [];
    for (const slice of own) {
      contents.push({ slice, endpoints: takeKept(slice, missing) });
      if (pace.due(slice.endpoints?.length ?? 0)) yield;
    }
    yield* fill(contents, missing, asked.maxEndpoints, pace);
    for (const [i, { slice, endpoints }] of contents.entries()) {
      // Where nobody is, one empty slice says so.
      if (endpoints.length === 0 && (group.endpoints.length > 0 || i > 0)) continue;
      if (pace.due(endpoints.length)) yield;
      kept.add(slice);
      const wanted = withMeta(asked, { ...slice, endpoints });
      if (equalJson(comparable(wanted), comparable(slice))) unchanged.push(slice);
      else update.push(wanted);
    }
    for (const endpoints of chunks([...missing.values()], asked.maxEndpoints)) create.push(newSlice(asked, group, endpoints));
    if (group.endpoints.length === 0 && own.length === 0) create.push(newSlice(asked, group, []));
  }
  const hinted = hints({ create, update, unchanged });
  const triggered = (slices: readonly V1EndpointSlice[]) => slices.map((slice) => withTrigger(asked, slice));
  return {
    create: triggered(hinted.create),
    update: triggered(hinted.update),
    remove: existing.filter((slice) => !kept.has(slice)),
  };
}

/** @param ports a server in Go writes none as null */
function groupKeyOf({
  addressType,
  ports,
}: {
  readonly addressType: string;
  readonly ports?: readonly DiscoveryV1EndpointPort[] | null;
}): string {
  const parts = (ports ?? []).map(({ name, port, protocol, appProtocol }) => [name, port, protocol, appProtocol]);
  return JSON.stringify([addressType, ...parts]);
}

interface Content {
  readonly slice: V1EndpointSlice;
  readonly endpoints: V1Endpoint[];
}

const identityOf = ({ targetRef, addresses }: V1Endpoint): string => `${targetRef?.uid ?? ''} ${addresses.join()}`;

function takeKept(slice: V1EndpointSlice, missing: Map<string, V1Endpoint>): V1Endpoint[] {
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const wanted = missing.get(identityOf(endpoint));
    missing.delete(identityOf(endpoint));
    return wanted ? [wanted] : [];
  });
}

/** Slices that change anyway are filled first, then those with the most in them, so that a change writes few. */
function* fill(contents: readonly Content[], missing: Map<string, V1Endpoint>, most: number, pace: Pace): Steps<void> {
  if (missing.size === 0) return;
  const changing = new Set<Content>();
  for (const content of contents) {
    if (!equalJson(withoutHints(content.slice.endpoints), content.endpoints)) changing.add(content);
    if (pace.due(content.endpoints.length)) yield;
  }
  const changes = (content: Content) => Number(changing.has(content));
  const order = contents.toSorted((a, b) => changes(b) - changes(a) || b.endpoints.length - a.endpoints.length);
  for (const { endpoints } of order) {
    for (const [identity, endpoint] of missing) {
      if (endpoints.length >= most) break;
      endpoints.push(endpoint);
      missing.delete(identity);
    }
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Labels that slices do not take from their Service. */
const RESERVED: ReadonlySet<string> = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);

function labelsFor({ service, mirrored = service, managedBy }: SlicesOf): Record<string, string> {
  const own = Object.entries(mirrored.metadata?.labels ?? {}).filter(([name]) => !RESERVED.has(name));
  return {
    ...Object.fromEntries(own),
    [SERVICE_NAME]: service.metadata?.name ?? '',
    [MANAGED_BY]: managedBy,
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
}

/** Those that slices take from what they mirror. */
function annotationsFrom({ metadata }: V1Endpoints | V1EndpointSlice): Record<string, string> {
  const { [TRIGGER_TIME]: _time, [LAST_APPLIED]: _applied, ...annotations } = metadata?.annotations ?? {};
  return annotations;
}

function withMeta(asked: SlicesOf, slice: V1EndpointSlice): V1EndpointSlice {
  const annotations = asked.mirrored ? annotationsFrom(asked.mirrored) : slice.metadata?.annotations;
  return { ...slice, metadata: { ...slice.metadata, labels: labelsFor(asked), annotations } };
}

function withTrigger({ triggerTime }: SlicesOf, slice: V1EndpointSlice): V1EndpointSlice {
  const { [TRIGGER_TIME]: _, ...annotations } = slice.metadata?.annotations ?? {};
  const told = { ...annotations, ...(triggerTime && { [TRIGGER_TIME]: triggerTime }) };
  return { ...slice, metadata: { ...slice.metadata, annotations: Object.keys(told).length > 0 ? told : undefined } };
}

/** What makes a slice another one. Hints are given when all else is known. */
const comparable = (slice: V1EndpointSlice) => ({
  endpoints: withoutHints(slice.endpoints),
  ports: slice.ports ?? [],
  labels: slice.metadata?.labels,
  annotations: annotationsFrom(slice),
});

const withoutHints = (endpoints: readonly V1Endpoint[] = []): V1Endpoint[] =>
  endpoints.map(({ hints: _, ...endpoint }) => endpoint as V1Endpoint);

function newSlice(asked: SlicesOf, { addressType, ports }: EndpointGroup, endpoints: readonly V1Endpoint[]): V1EndpointSlice {
  const { service, mirrored } = asked;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata?.name}-`,
      namespace: service.metadata?.namespace,
      labels: labelsFor(asked),
      ...(mirrored && { annotations: annotationsFrom(mirrored) }),
      ownerReferences: [mirrored ? controllerReference(endpointsKind, mirrored) : controllerReference(serviceKind, service)],
    },
    addressType,
    endpoints: [...endpoints],
    ports: [...ports],
  };
}
