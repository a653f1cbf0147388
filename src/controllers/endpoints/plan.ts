import type { CoreV1EndpointPort, V1EndpointAddress, V1EndpointSubset, V1Pod, V1Service } from '../../api/gen/types.ts';
import {
  addressesOf,
  addressTypesOf,
  conditionsOf,
  type EndpointPort,
  hostnameIn,
  isEndpoint,
  portsOn,
} from '../endpointslice/service-pods.ts';

/** More addresses than this are not told; the annotation says so. */
export const MOST_ADDRESSES = 1000;

/** A port with all who have it, and whether they are ready. */
interface PortOwners {
  /** Undefined: of a Service without ports. */
  readonly port: CoreV1EndpointPort | undefined;
  readonly owners: { readonly address: V1EndpointAddress; readonly ready: boolean }[];
}

/**
 * The subsets of an Endpoints object: ports that the same pods have stand together (pkg/api/v1/endpoints, RepackSubsets), sorted, so that the
 * same pods always give the same subsets. Only the Service's first kind of address: the older object has no room for two. Pods that end are
 * left out.
 */
export function subsetsOf(service: V1Service, pods: readonly V1Pod[]): V1EndpointSubset[] {
  const byPort = new Map<string, PortOwners>();
  const [addressType = 'IPv4'] = addressTypesOf(service);
  for (const pod of pods) {
    if (!isEndpoint(pod)) continue;
    const { ready, terminating } = conditionsOf(service, pod);
    if (terminating && !service.spec?.publishNotReadyAddresses) continue;
    const ip = addressesOf(pod, addressType)[0];
    const ports = portsOn(service, pod);
    if (ip === undefined || (ports.length === 0 && (service.spec?.ports?.length ?? 0) > 0)) continue;
    const named = ports.filter(({ port }) => port !== undefined).map(toEndpointPort);
    const address = addressOf(service, pod, ip);
    for (const port of named.length > 0 ? named : [undefined]) {
      const key = JSON.stringify(port) ?? '';
      const found = byPort.get(key) ?? { port, owners: [] };
      found.owners.push({ address, ready });
      byPort.set(key, found);
    }
  }
  return packed([...byPort.values()]);
}

function packed(ports: readonly PortOwners[]): V1EndpointSubset[] {
  const keyOf = ({ owners }: PortOwners) =>
    owners
      .map(({ address }) => `${address.ip} ${address.targetRef?.uid}`)
      .sort()
      .join();
  const groups = [...Map.groupBy(ports, keyOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([, [first, ...others]]) => {
    const { owners } = first!;
    const those = (ready: boolean) => owners.filter((one) => one.ready === ready).map(({ address }) => address);
    const [addresses, notReadyAddresses] = [those(true).sort(byIp), those(false).sort(byIp)];
    const own = [first!, ...others].map(({ port }) => port).filter((port) => port !== undefined);
    own.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(own.length > 0 && { ports: own }),
    };
  });
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

const byIp = (a: V1EndpointAddress, b: V1EndpointAddress): number => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);

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
