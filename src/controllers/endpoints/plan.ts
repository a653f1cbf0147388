import type { CoreV1EndpointPort, V1EndpointAddress, V1EndpointSubset, V1Pod, V1Service } from '../../api/gen/types.ts';
import { Pace, runAtOnce, type Steps } from '../../std/pauses.ts';
import {
  addressesOf,
  addressTypesOf,
  conditionsOf,
  type EndpointPort,
  hostnameIn,
  isEndpoint,
  portsReader,
} from '../endpointslice/service-pods.ts';

/** More addresses than this are not told; the annotation says so. */
export const MOST_ADDRESSES = 1000;

interface Owner {
  readonly address: V1EndpointAddress;
  readonly ready: boolean;
}

/** Pods that have the same ports of the Service, and those ports. */
interface PodGroup {
  readonly ports: readonly EndpointPort[];
  readonly owners: Owner[];
}

/** So many pods are looked at between two pauses: some milliseconds. */
const PART = 500;
/** So many ports are looked at in the time of one more pod. */
const PORTS_A_POD = 10;

/**
 * The subsets of an Endpoints object: ports that the same pods have stand together (pkg/api/v1/endpoints, RepackSubsets), sorted, so that the
 * same pods always give the same subsets. Only the Service's first kind of address: the older object has no room for two. Pods that end are
 * left out.
 */
export const subsetsOf = (service: V1Service, pods: readonly V1Pod[]): V1EndpointSubset[] =>
  runAtOnce(subsetsOfInSteps(service, pods));

/** The same of thousands of pods. */
export function* subsetsOfInSteps(service: V1Service, pods: readonly V1Pod[]): Steps<V1EndpointSubset[]> {
  const pace = new Pace(PART);
  const groups = new Map<string, PodGroup>();
  const [addressType = 'IPv4'] = addressTypesOf(service);
  const portsOf = portsReader(service);
  const portCount = service.spec?.ports?.length ?? 0;
  for (const pod of pods) {
    if (pace.due(1 + portCount / PORTS_A_POD)) yield;
    if (!isEndpoint(pod)) continue;
    const { ready, terminating } = conditionsOf(service, pod);
    if (terminating && !service.spec?.publishNotReadyAddresses) continue;
    const ip = addressesOf(pod, addressType)[0];
    if (ip === undefined) continue;
    const { ports, key } = portsOf(pod);
    if (ports.length === 0 && portCount > 0) continue;
    const group = groups.get(key) ?? { ports: ports.filter(({ port }) => port !== undefined), owners: [] };
    groups.set(key, group);
    group.owners.push({ address: addressOf(service, pod, ip), ready });
  }
  return yield* packed([...groups.values()], pace);
}

/** Each port stands in one subset, with all groups of pods that have it. */
function* packed(groups: readonly PodGroup[], pace: Pace): Steps<V1EndpointSubset[]> {
  const ports = new Map<string, { readonly port: EndpointPort | undefined; readonly groups: number[] }>();
  for (const [i, group] of groups.entries())
    for (const port of group.ports.length > 0 ? group.ports : [undefined]) {
      if (pace.due(1 / PORTS_A_POD)) yield;
      const key = port ? `${port.port} ${port.protocol} ${port.name} ${port.appProtocol ?? ''}` : '';
      const found = ports.get(key) ?? { port, groups: [] };
      found.groups.push(i);
      ports.set(key, found);
    }
  const subsets: { readonly owners: readonly Owner[]; readonly ports: CoreV1EndpointPort[] }[] = [];
  for (const together of Map.groupBy(ports.values(), (one) => one.groups.join()).values()) {
    const owners = together[0]!.groups.flatMap((i) => groups[i]!.owners).sort(byAddress);
    const own = together.flatMap(({ port }) => (port ? toEndpointPort(port) : []));
    own.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
    subsets.push({ owners, ports: own });
    if (pace.due(owners.length)) yield;
  }
  subsets.sort((a, b) => compareOwners(a.owners, b.owners));
  return subsets.map(({ owners, ports: own }) => {
    const those = (ready: boolean) => owners.filter((one) => one.ready === ready).map(({ address }) => address);
    const [addresses, notReadyAddresses] = [those(true), those(false)];
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(own.length > 0 && { ports: own }),
    };
  });
}

const textOrder = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);
/** Pods of the host's network have one address together. */
const byAddress = ({ address: a }: Owner, { address: b }: Owner): number =>
  textOrder(a.ip, b.ip) || textOrder(a.targetRef?.uid, b.targetRef?.uid);

function compareOwners(a: readonly Owner[], b: readonly Owner[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = byAddress(a[i]!, b[i]!);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

const toEndpointPort = ({ name, port, protocol, appProtocol }: EndpointPort) =>
  ({ ...(name && { name }), port, protocol, ...(appProtocol !== undefined && { appProtocol }) }) as CoreV1EndpointPort;

function addressOf(service: V1Service, pod: V1Pod, ip: string): V1EndpointAddress {
  const { namespace, name, uid } = pod.metadata ?? {};
  const hostname = hostnameIn(service, pod);
  return {
    ip,
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(hostname && { hostname }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

/**
 * At most so many addresses, ready ones first, of each subset its share (pkg/controller/endpoint, truncateEndpoints); whether any had to be
 * left out.
 */
export function truncated(
  subsets: readonly V1EndpointSubset[],
  most = MOST_ADDRESSES,
): { subsets: V1EndpointSubset[]; isOver: boolean } {
  const count = (list: AddressList) => subsets.reduce((sum, subset) => sum + (subset[list]?.length ?? 0), 0);
  const [ready, waiting] = [count('addresses'), count('notReadyAddresses')];
  if (ready + waiting <= most) return { subsets: [...subsets], isOver: false };
  const cut: AddressList = ready > most ? 'addresses' : 'notReadyAddresses';
  const total = ready > most ? ready : waiting;
  const room = ready > most ? most : most - ready;
  let left = room;
  const kept = subsets.map(({ addresses = [], notReadyAddresses = [], ports }) => {
    const all = { addresses, notReadyAddresses };
    const share = Math.min(left, Math.ceil((all[cut].length / total) * room));
    left -= share;
    const taken = all[cut].slice(0, share);
    const now = cut === 'addresses' ? { addresses: taken, notReadyAddresses: [] } : { addresses, notReadyAddresses: taken };
    return {
      ...(now.addresses.length > 0 && { addresses: now.addresses }),
      ...(now.notReadyAddresses.length > 0 && { notReadyAddresses: now.notReadyAddresses }),
      ...(ports && { ports }),
    };
  });
  return { subsets: kept.filter(({ addresses, notReadyAddresses }) => addresses || notReadyAddresses), isOver: true };
}

type AddressList = 'addresses' | 'notReadyAddresses';
