import { isIP } from 'node:net';
import type { V1Pod, V1Service, V1ServicePort } from '../../api/gen/types.ts';
import { isReady } from '../workloads/pod-state.ts';

export type AddressType = 'IPv4' | 'IPv6';

/** A port of a Service on one pod; a port without a number stands for "all of them" (a headless Service that names none). */
export interface EndpointPort {
  readonly name: string;
  readonly port?: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

export const isHeadless = ({ spec }: V1Service): boolean => spec?.clusterIP === 'None';

/** Whether the pods of a Service are found by labels; without a selector, somebody else says what its endpoints are. */
export const hasSelector = ({ spec }: V1Service): boolean =>
  spec?.type !== 'ExternalName' && spec?.selector !== undefined && Object.keys(spec.selector).length > 0;

/** The kinds of addresses that the endpoints of a Service have. */
export function addressTypesOf({ spec }: V1Service): AddressType[] {
  if (spec?.ipFamilies?.length) return spec.ipFamilies as AddressType[];
  const clusterIp = spec?.clusterIPs?.[0] ?? spec?.clusterIP ?? '';
  if (isIP(clusterIp)) return [isIP(clusterIp) === 6 ? 'IPv6' : 'IPv4'];
  // Headless and of before dual stack: whatever the pods have.
  return ['IPv4', 'IPv6'];
}

export function addressesOf({ status }: V1Pod, type: AddressType): string[] {
  const all = status?.podIPs?.length ? status.podIPs.map(({ ip }) => ip) : status?.podIP ? [status.podIP] : [];
  return all.filter((ip): ip is string => isIP(ip ?? '') === (type === 'IPv6' ? 6 : 4));
}

/** Whether a pod is an endpoint at all. One that ends is, as long as it runs: it may still serve what is connected. */
export function isEndpoint({ status }: V1Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed' && Boolean(status?.podIP || status?.podIPs?.length);
}

/** The ports of a Service on a pod. */
export interface PortsOnPod {
  readonly ports: readonly EndpointPort[];
  /** Equal for pods with the same ports of that Service. */
  readonly key: string;
}

/**
 * Tells the ports of a Service pod by pod. A target by name that a pod has not is left out. What pods have in common, mostly all, is worked out
 * once: Services and pods may have thousands of ports, and there are thousands of pods.
 */
export function portsReader(service: V1Service): (pod: V1Pod) => PortsOnPod {
  const ports = service.spec?.ports ?? [];
  const same = (all: readonly EndpointPort[]) => () => ({ ports: all, key: '' });
  if (ports.length === 0) return same(isHeadless(service) ? [{ name: '', protocol: 'TCP' }] : []);
  const targets = ports.map(targetOf);
  const names = new Set(targets.filter((target) => typeof target === 'string'));
  const withNumbers = (numbers: readonly (number | undefined)[]) =>
    ports.flatMap(({ name = '', protocol = 'TCP', appProtocol }, i): EndpointPort[] => {
      const port = numbers[i];
      return port === undefined ? [] : [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
    });
  if (names.size === 0) return same(withNumbers(targets as number[]));
  const known = new Map<string, PortsOnPod>();
  return (pod) => {
    const named = namedPorts(pod, names);
    const numbers = targets.map((target) => (typeof target === 'string' ? named.get(target) : target));
    const key = numbers.join();
    const found = known.get(key) ?? { ports: withNumbers(numbers), key };
    known.set(key, found);
    return found;
  };
}

/** A number, or a name with its protocol. */
function targetOf({ port, protocol = 'TCP', targetPort }: V1ServicePort): number | string {
  const target = targetPort as number | string | undefined;
  if (target === undefined || target === 0 || target === '') return port;
  return typeof target === 'number' ? target : `${protocol} ${target}`;
}

/** The numbers of a pod's ports by protocol and name, of those that are asked for. */
function namedPorts({ spec }: V1Pod, wanted: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const { ports = [] } of [...(spec?.containers ?? []), ...sidecars])
    for (const { name, protocol = 'TCP', containerPort } of ports) {
      const key = `${protocol} ${name}`;
      if (wanted.has(key) && !found.has(key)) found.set(key, containerPort);
    }
  return found;
}

/**
 * What is told of one pod: may new connections go there, does it still serve, is it about to end? Those that are published before they are ready
 * are `ready` for whoever connects; `serving` says how it is.
 */
export function conditionsOf(service: V1Service, pod: V1Pod): { ready: boolean; serving: boolean; terminating: boolean } {
  const terminating = Boolean(pod.metadata?.deletionTimestamp);
  const serving = isReady(pod);
  const ready = Boolean(service.spec?.publishNotReadyAddresses) || (serving && !terminating);
  return { ready, serving, terminating };
}

/** The host name under which DNS knows the pod below the Service. */
export function hostnameIn({ metadata }: V1Service, { metadata: podMetadata, spec }: V1Pod): string | undefined {
  const { hostname, subdomain } = spec ?? {};
  return hostname && subdomain === metadata?.name && podMetadata?.namespace === metadata?.namespace ? hostname : undefined;
}
