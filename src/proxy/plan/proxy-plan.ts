import type { V1EndpointSlice, V1Service } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { chooseEndpoints, type NodePlace } from './choose-endpoints.ts';
import { type Endpoint, readEndpoints, SERVICE_NAME_LABEL } from './endpoint.ts';
import { tooManyAddresses, tooManyEndpoints } from './service-limits.ts';
import { readServicePorts, type ServicePort, servicePortId } from './service-port.ts';

/** How traffic is known to come from a pod of the cluster, which needs no other source address. */
export type LocalTraffic =
  | { readonly by: 'nothing' }
  | { readonly by: 'source'; readonly cidr: string }
  | { readonly by: 'interface'; readonly name: string }
  | { readonly by: 'interface-prefix'; readonly prefix: string };

/** What the rules of a family depend on beside Services and endpoints. */
export interface NodeSettings {
  readonly family: Family;
  readonly node: NodePlace;
  /** Of this family. */
  readonly nodeIp?: string;
  readonly localTraffic: LocalTraffic;
  readonly masqueradeAll: boolean;
  readonly masqueradeMark: number;
  /** The addresses on which node ports are open; `all`: every local one. */
  readonly nodePortAddresses: 'all' | readonly string[];
  /** Whether node ports are open on 127.0.0.1 too. */
  readonly localhostNodePorts: boolean;
  /** Packets that connection tracking calls invalid are let through. */
  readonly conntrackLiberal: boolean;
}

/** Where a kind of traffic goes: to the chosen endpoints anywhere, to those of this node, back with an ICMP message, or nowhere. */
export type Destination = 'cluster' | 'local' | 'reject' | 'drop';

export interface PlannedPort {
  readonly id: string;
  readonly port: ServicePort;
  readonly cluster: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** Addresses of all endpoints that answer, whatever the policies, for UDP; its flows are kept as connections of TCP are. */
  readonly answering: ReadonlySet<string>;
  /** Traffic to the cluster IP. */
  readonly internal: Destination;
  /** Traffic to node ports, external IPs and load balancers' IPs. */
  readonly external: Destination;
}

/** What the packet filter of a node shall do in one family. */
export interface ProxyPlan {
  readonly settings: NodeSettings;
  /** Sorted by `id` and protocol. */
  readonly ports: readonly PlannedPort[];
  /** What Services ask for and do not get, each told once of its Service. */
  readonly problems: readonly ServiceProblem[];
}

export interface ServiceProblem {
  readonly namespace: string;
  readonly name: string;
  /** Of the Event. */
  readonly reason: 'TooManyRules' | 'ClusterIPTaken';
  readonly message: string;
}

/** Plans a family's rules. Pure: the same input makes the same plan. */
export function planProxy(services: readonly V1Service[], slices: readonly V1EndpointSlice[], settings: NodeSettings): ProxyPlan {
  const { family } = settings;
  const problems: ServiceProblem[] = [];
  const crowded = tooManyEndpoints(slices, family);
  const served = services.flatMap((service) => {
    const ports = readServicePorts(service, family);
    const { namespace = '', name = '' } = service.metadata ?? {};
    if (ports.length === 0) return ports;
    const tell = (message: string) => problems.push({ namespace, name, reason: 'TooManyRules', message });
    const crowd = crowded.get(`${namespace}/${name}`);
    if (crowd !== undefined) {
      tell(`it is not served: ${crowd}`);
      return [];
    }
    const many = tooManyAddresses(ports);
    if (many === undefined) return ports;
    // Without them all: a load balancer's address without its source ranges would be served to everybody.
    tell(`its external addresses are not served, its cluster IP is: ${many}`);
    return ports.map((port) => ({ ...port, externalIps: [], loadBalancerIps: [], sourceRanges: [] }));
  });
  const isServed = ({ metadata }: V1EndpointSlice) =>
    !crowded.has(`${metadata?.namespace}/${metadata?.labels?.[SERVICE_NAME_LABEL]}`);
  const table = readEndpoints(slices.filter(isServed), family, settings.node.name);
  const ports = withoutTakenClusterIps(served, problems).map((port): PlannedPort => {
    const known = table.get(`${port.namespace}/${port.name}`)?.get(`${port.portName}/${port.protocol}`) ?? [];
    const { cluster, local, hasAny } = chooseEndpoints(port, known, settings.node);
    const destination = (staysLocal: boolean): Destination => {
      if (!hasAny) return 'reject';
      if (!staysLocal) return 'cluster';
      return local.length > 0 ? 'local' : 'drop';
    };
    return {
      id: servicePortId(port),
      port,
      cluster,
      local,
      answering: new Set(port.protocol === 'udp' ? known.filter(({ serving }) => serving).map(({ ip }) => ip) : []),
      internal: destination(port.internalLocal),
      external: destination(port.externalLocal),
    };
  });
  return { settings, ports: ports.sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1)), problems };
}

/**
 * Without external IPs that are a cluster IP with the same port: whoever may make a Service would have by them what others send to the API
 * server or to the cluster's DNS (CVE-2020-8554).
 */
function withoutTakenClusterIps(ports: readonly ServicePort[], problems: ServiceProblem[]): ServicePort[] {
  const keyOf = (ip: string, { protocol, port }: ServicePort) => `${ip} ${port}/${protocol}`;
  const taken = new Set(ports.map((port) => keyOf(port.clusterIp, port)));
  return ports.map((port) => {
    const isTaken = (ip: string) => taken.has(keyOf(ip, port));
    const lost = port.externalIps.find(isTaken);
    if (lost === undefined) return port;
    const { namespace, name } = port;
    const message = `its external IP ${lost} is the cluster IP of a Service with port ${port.port}/${port.protocol}`;
    problems.push({ namespace, name, reason: 'ClusterIPTaken', message });
    return { ...port, externalIps: port.externalIps.filter((ip) => !isTaken(ip)) };
  });
}

const sortKey = ({ id, port }: PlannedPort) => `${id}/${port.protocol}`;
