import { parseIp } from '../../api/machinery/ip.ts';
import type { IptablesRuleset } from '../iptables/ruleset.ts';
import { type Endpoint, endpointText } from '../plan/endpoint.ts';
import type { Destination, PlannedPort, ProxyPlan } from '../plan/proxy-plan.ts';
import { cidrHolds } from '../plan/service-port.ts';
import { type ClosedToNode, ipvsChains, NODE_PORT_SETS } from './chains.ts';
import { MOST_ENTRIES, rangeText, SET_NAMES, type SetEntries, type SetName, serviceEntry } from './sets.ts';
import { keyOf, type RealServer, type VirtualServer, type VirtualServers } from './virtual-servers.ts';

/** Everything that the kernel is to have of a plan in one family. */
export interface IpvsState {
  readonly services: VirtualServers;
  /** Of the device `kube-ipvs0`: what is sent to them is for this node, and so for IPVS. */
  readonly addresses: ReadonlySet<string>;
  readonly sets: SetEntries;
  readonly rules: IptablesRuleset;
  /** Sets that have no room for all that should be in them. */
  readonly fullSets: ReadonlySet<SetName>;
}

export interface IpvsRenderOptions {
  readonly scheduler: string;
  /** Of this machine's interfaces without `kube-ipvs0`, of any family. */
  readonly hostAddresses: readonly string[];
}

const WANTED: RealServer = { weight: 1, connections: 0 };

/** What a plan comes down to in IPVS. Pure. */
export function renderIpvs({ settings, ports }: ProxyPlan, { scheduler, hostAddresses }: IpvsRenderOptions): IpvsState {
  const { family, nodeIp } = settings;
  const services = new Map<string, VirtualServer>();
  const addresses = new Set<string>();
  const sets = new Map(SET_NAMES.map((name) => [name, new Set<string>()]));
  const closed: ClosedToNode[] = [];
  const fullSets = new Set<SetName>();
  /** False when there is no room for it. */
  const add = (name: SetName, entry: string): boolean => {
    const entries = sets.get(name)!;
    if (entries.size < MOST_ENTRIES || entries.has(entry)) entries.add(entry);
    else fullSets.add(name);
    return entries.has(entry);
  };
  const own = new Set(hostAddresses.flatMap((text) => nodeAddress(text, family)));
  const nodeAddresses = settings.nodePortAddresses === 'all' ? [...own] : settings.nodePortAddresses;

  const serve = ({ port }: PlannedPort, at: { ip: string; port: number }, endpoints: readonly Endpoint[]) => {
    const service: VirtualServer = {
      ...{ ...at, protocol: port.protocol, scheduler, persistentSeconds: port.affinitySeconds },
      servers: new Map(endpoints.map((endpoint) => [endpointText(endpoint), WANTED])),
    };
    // Two Services may claim one external address; the first by name has it.
    if (!services.has(keyOf(service))) services.set(keyOf(service), service);
    for (const { ip, port: number, isLocal } of endpoints)
      if (isLocal) add('KUBE-LOOP-BACK', `${serviceEntry(ip, port.protocol, number)},${ip}`);
  };
  const bind = (ip: string) => {
    // An address that another device has stays there alone.
    if (!own.has(ip)) addresses.add(ip);
  };

  for (const planned of ports) {
    const { port } = planned;
    const { protocol } = port;
    const inside = chosen(planned, planned.internal);
    const outside = outsiders(planned);
    const entry = (ip: string) => serviceEntry(ip, protocol, port.port);

    add('KUBE-CLUSTER-IP', entry(port.clusterIp));
    addresses.add(port.clusterIp);
    serve(planned, { ip: port.clusterIp, port: port.port }, inside);

    for (const ip of port.externalIps) {
      add(port.externalLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP', entry(ip));
      bind(ip);
      serve(planned, { ip, port: port.port }, outside);
    }

    for (const ip of port.loadBalancerIps) {
      add('KUBE-LOAD-BALANCER', entry(ip));
      if (port.externalLocal) add('KUBE-LOAD-BALANCER-LOCAL', entry(ip));
      if (port.sourceRanges.length > 0) {
        // Rather not served than served to everybody.
        if (!add('KUBE-LOAD-BALANCER-FW', entry(ip))) continue;
        for (const range of port.sourceRanges) add('KUBE-LOAD-BALANCER-SOURCE-CIDR', `${entry(ip)},${rangeText(range)}`);
        // The node's own connections have the address itself as their source.
        if (nodeIp !== undefined && port.sourceRanges.some((range) => cidrHolds(range, nodeIp)))
          add('KUBE-LOAD-BALANCER-SOURCE-IP', `${entry(ip)},${ip}`);
        else closed.push({ ip, protocol, port: port.port });
      }
      bind(ip);
      serve(planned, { ip, port: port.port }, outside);
    }

    if (port.nodePort && nodeAddresses.length > 0) {
      const entries =
        protocol === 'sctp' ? nodeAddresses.map((ip) => serviceEntry(ip, protocol, port.nodePort)) : [String(port.nodePort)];
      const [local, all] = NODE_PORT_SETS[protocol];
      for (const text of entries) {
        add(all, text);
        if (port.externalLocal) add(local, text);
      }
      for (const ip of nodeAddresses) serve(planned, { ip, port: port.nodePort }, outside);
    }
    if (port.healthCheckNodePort) add('KUBE-HEALTH-CHECK-NODE-PORT', String(port.healthCheckNodePort));
  }
  for (const ip of addresses) add('KUBE-IPVS-IPS', ip);
  return { services, addresses, sets, rules: ipvsChains(settings, closed), fullSets };
}

function chosen(planned: PlannedPort, destination: Destination): readonly Endpoint[] {
  return destination === 'cluster' || destination === 'local' ? planned[destination] : [];
}

/**
 * As upstream: where traffic from outside must stay here and nobody is here, pods of this node still reach the others. Whoever comes
 * from outside gets no answer, since nothing of it is masqueraded; its load balancer does not send it here.
 */
function outsiders(planned: PlannedPort): readonly Endpoint[] {
  return planned.external === 'drop' ? planned.cluster : chosen(planned, planned.external);
}

/** Node ports are not open on the loopback, whose packets IPVS cannot lead away, nor on addresses of one link only. */
function nodeAddress(text: string, family: 4 | 6): string[] {
  if (parseIp(text)?.family !== family) return [];
  return ['127.0.0.0/8', '::1/128', 'fe80::/10'].some((range) => cidrHolds(range, text)) ? [] : [text];
}
