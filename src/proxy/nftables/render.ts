import type { NftChain, NftRuleset, NftSet } from '../../host/nft-ruleset.ts';
import { type Endpoint, endpointText } from '../plan/endpoint.ts';
import { nameHash } from '../plan/names.ts';
import type { LocalTraffic, NodeSettings, PlannedPort, ProxyPlan } from '../plan/proxy-plan.ts';
import { cidrHolds, isExternal, type ServicePort, withoutParts } from '../plan/service-port.ts';

import { incomingGuard, type TrafficScope, WHOLE_MACHINE } from './traffic-scope.ts';

/*
 *   nat prerouting, output ─► services ─┬─ @service-ips ───────► service-… ─► endpoint-…  (dnat)
 *                                       │                ├─────► local-…   ─►
 *                                       │                └─────► external-… ─► service-… or local-…
 *                                       └─ @service-nodeports ─► external-…
 *   filter, before that:  @firewall-ips ─► firewall-…   (source ranges)
 *   filter:               @no-endpoint-services, @no-endpoint-nodeports, @cluster-ips ─► reject, drop
 *
 * However many Services there are, a packet is looked up in a map once. The names are upstream's (pkg/proxy/nftables).
 */

const BEFORE_DNAT = -110;
const DNAT = -100;
const AFTER_DNAT = -90;
const SNAT = 100;

interface Parts {
  readonly chains: Map<string, NftChain>;
  readonly elements: Record<MapName, Map<string, string>>;
  readonly affinity: Map<string, NftSet>;
  readonly clusterIps: Map<string, undefined>;
}

type MapName = 'service-ips' | 'service-nodeports' | 'firewall-ips' | 'no-endpoint-services' | 'no-endpoint-nodeports';

/** The table of a plan. */
export function renderNftables({ settings, ports }: ProxyPlan, scope: TrafficScope = WHOLE_MACHINE): NftRuleset {
  const parts: Parts = {
    chains: new Map(frame(settings, scope)),
    elements: {
      'service-ips': new Map(),
      'service-nodeports': new Map(),
      'firewall-ips': new Map(),
      'no-endpoint-services': new Map(),
      'no-endpoint-nodeports': new Map(),
    },
    affinity: new Map(),
    clusterIps: new Map(),
  };
  for (const planned of ports) addPort(parts, planned, settings);
  const address = settings.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const service = `type ${address} . inet_proto . inet_service : verdict ;`;
  const nodePort = 'type inet_proto . inet_service : verdict ;';
  const sets = new Map<string, NftSet>([
    ['cluster-ips', { kind: 'set', definition: `type ${address} ;`, elements: parts.clusterIps }],
    ...parts.affinity,
  ]);
  for (const [name, elements] of Object.entries(parts.elements))
    sets.set(name, { kind: 'map', definition: name.endsWith('nodeports') ? nodePort : service, elements });
  if (settings.nodePortAddresses !== 'all') {
    const ranged = settings.nodePortAddresses.some((text) => text.includes('/'));
    const elements = new Map(withoutParts(settings.nodePortAddresses).map((text) => [text, undefined]));
    sets.set('nodeport-ips', { kind: 'set', definition: `type ${address} ;${ranged ? ' flags interval ;' : ''}`, elements });
  }
  return { family: ipWord(settings), table: scope.table, chains: parts.chains, sets };
}

const ipWord = ({ family }: NodeSettings) => (family === 4 ? 'ip' : 'ip6');

/** The chains that are always there. */
function frame(settings: NodeSettings, scope: TrafficScope): [string, NftChain][] {
  const ip = ipWord(settings);
  const mark = `0x${settings.masqueradeMark.toString(16)}`;
  const loopback = settings.family === 4 ? '127.0.0.0/8' : '::1';
  const toNode =
    settings.nodePortAddresses === 'all' ? `fib daddr type local ${ip} daddr != ${loopback}` : `${ip} daddr @nodeport-ips`;
  const known = `${ip} daddr . meta l4proto . th dport vmap`;
  const chain = (name: string, ...rules: string[]): [string, NftChain] => [name, { rules }];
  return [
    chain('mark-for-masquerade', `meta mark set meta mark or ${mark}`),
    chain('masquerading', `meta mark and ${mark} == 0 return`, `meta mark set meta mark xor ${mark}`, 'masquerade fully-random'),
    chain('reject-chain', 'reject'),
    chain('services', `${known} @service-ips`, `${toNode} meta l4proto . th dport vmap @service-nodeports`),
    chain('firewall-check', `${known} @firewall-ips`),
    chain('service-endpoints-check', `${known} @no-endpoint-services`),
    chain('nodeport-endpoints-check', `${toNode} meta l4proto . th dport vmap @no-endpoint-nodeports`),
    chain('cluster-ips-check', `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`),
    ...hooks(scope),
  ];
}

/** The chains that the kernel calls. */
function hooks(scope: TrafficScope): [string, NftChain][] {
  const hook = (name: string, [type, at, priority]: Hook, rules: readonly string[]): [string, NftChain] => [
    name,
    { hook: `type ${type} hook ${at} priority ${scope.goesFirst ? priority - 1 : priority}`, rules },
  ];
  const guard = incomingGuard(scope);
  const incoming = (name: string, at: Hook, ...rules: string[]) => hook(name, at, [...guard, ...rules]);
  const outgoing = (name: string, at: Hook, ...rules: string[]) => hook(name, at, scope.machine ? rules : []);
  const jump = (name: string) => `ct state new jump ${name}`;
  const [ports, endpoints, clusterIps] = ['nodeport-endpoints-check', 'service-endpoints-check', 'cluster-ips-check'].map(jump);
  return [
    incoming('filter-prerouting', ['filter', 'prerouting', BEFORE_DNAT], jump('firewall-check')),
    incoming('filter-input', ['filter', 'input', BEFORE_DNAT], ports!, endpoints!),
    incoming('filter-forward', ['filter', 'forward', BEFORE_DNAT], endpoints!, clusterIps!),
    outgoing('filter-output', ['filter', 'output', BEFORE_DNAT], jump('firewall-check')),
    // What the node itself sends may have been led to endpoints elsewhere, though outsiders would get nothing here.
    outgoing('filter-output-post-dnat', ['filter', 'output', AFTER_DNAT], endpoints!, clusterIps!),
    incoming('nat-prerouting', ['nat', 'prerouting', DNAT], 'jump services'),
    outgoing('nat-output', ['nat', 'output', DNAT], 'jump services'),
    hook('nat-postrouting', ['nat', 'postrouting', SNAT], ['jump masquerading']),
  ];
}

type Hook = readonly [type: 'filter' | 'nat', at: string, priority: number];

function addPort(parts: Parts, planned: PlannedPort, settings: NodeSettings): void {
  const { port, internal, external } = planned;
  const name = chainName(planned);
  const to = { cluster: `service-${name}`, local: `local-${name}`, outside: `external-${name}` };
  const { protocol } = port;
  const at = (ip: string) => `${ip} . ${protocol} . ${port.port}`;
  const put = (map: MapName, key: string, verdict: string) => {
    // Two Services may ask for one external address and port: the first by name has it.
    if (!parts.elements[map].has(key)) parts.elements[map].set(key, verdict);
  };
  parts.clusterIps.set(port.clusterIp, undefined);
  if (internal === 'reject' || internal === 'drop') put('no-endpoint-services', at(port.clusterIp), refusal(internal));
  else put('service-ips', at(port.clusterIp), `goto ${to[internal]}`);
  const outer = [...port.externalIps, ...port.loadBalancerIps];
  if (external === 'reject' || external === 'drop') {
    for (const ip of outer) put('no-endpoint-services', at(ip), refusal(external));
    if (port.nodePort) put('no-endpoint-nodeports', `${protocol} . ${port.nodePort}`, refusal(external));
  }
  if (external !== 'reject') {
    for (const ip of outer) put('service-ips', at(ip), `goto ${to.outside}`);
    if (port.nodePort) put('service-nodeports', `${protocol} . ${port.nodePort}`, `goto ${to.outside}`);
  }
  const usesOutside = isExternal(port) && external !== 'reject';
  if (usesOutside) parts.chains.set(to.outside, { rules: outsideRules(planned, to, settings) });
  if (port.loadBalancerIps.length > 0 && port.sourceRanges.length > 0) {
    const firewall = `firewall-${name}`;
    parts.chains.set(firewall, {
      rules: [`${ipWord(settings)} saddr != { ${allowedSources(port, settings).join(', ')} } drop`],
    });
    for (const ip of port.loadBalancerIps) put('firewall-ips', at(ip), `goto ${firewall}`);
  }
  const used = (['cluster', 'local'] as const).filter(
    (where) => planned[where].length > 0 && (internal === where || usesOutside),
  );
  for (const where of used) {
    const masquerade = internal === where ? clusterIpMasquerade(port, settings) : [];
    parts.chains.set(to[where], { rules: [...masquerade, ...balance(planned, planned[where], settings)] });
  }
  for (const endpoint of new Set(used.flatMap((where) => planned[where]))) addEndpoint(parts, planned, endpoint, settings);
}

const refusal = (how: 'reject' | 'drop') => (how === 'reject' ? 'goto reject-chain' : 'drop');

/** As upstream's: `ULMVA6XW-ns1/svc1/tcp/p80`. */
const chainName = ({ port }: PlannedPort): string => hashed(fullName(port));

const endpointChain = (planned: PlannedPort, endpoint: Endpoint) => `endpoint-${suffix(planned, endpoint)}`;

const affinitySet = (planned: PlannedPort, endpoint: Endpoint) => `affinity-${suffix(planned, endpoint)}`;

/** Colons stand in no name of nft. */
const suffix = ({ port }: PlannedPort, { ip, port: to }: Endpoint) =>
  hashed(`${fullName(port)}__${ip.replaceAll(':', '.')}/${to}`);

const fullName = ({ namespace, name, protocol, portName }: ServicePort) => `${namespace}/${name}/${protocol}/${portName}`;
const hashed = (name: string) => `${nameHash(8, name)}-${name}`;

/** Ranges, and the load balancer's own addresses when the node itself is let in: its packets to them may come from them. */
function allowedSources(port: ServicePort, { nodeIp }: NodeSettings): string[] {
  const { sourceRanges, loadBalancerIps } = port;
  const nodeIsIn = nodeIp !== undefined && sourceRanges.some((range) => cidrHolds(range, nodeIp));
  return withoutParts(nodeIsIn ? [...sourceRanges, ...loadBalancerIps] : sourceRanges);
}

/** How a packet of a pod, and one of nobody's, is told. Undefined when nothing is known of that. */
function sourceMatches(local: LocalTraffic, ip: string): { isLocal: string; isNotLocal: string } | undefined {
  const match = (what: string, value: string) => ({ isLocal: `${what} ${value}`, isNotLocal: `${what} != ${value}` });
  switch (local.by) {
    case 'nothing':
      return undefined;
    case 'source':
      return match(`${ip} saddr`, local.cidr);
    case 'interface':
      return match('iifname', `"${local.name}"`);
    case 'interface-prefix':
      return match('iifname', `"${local.prefix}*"`);
  }
}

function clusterIpMasquerade(port: ServicePort, settings: NodeSettings): string[] {
  const ip = ipWord(settings);
  const toClusterIp = `${ip} daddr ${port.clusterIp} ${port.protocol} dport ${port.port}`;
  if (settings.masqueradeAll) return [`${toClusterIp} jump mark-for-masquerade`];
  const source = sourceMatches(settings.localTraffic, ip);
  return source ? [`${toClusterIp} ${source.isNotLocal} jump mark-for-masquerade`] : [];
}

function outsideRules(planned: PlannedPort, to: { cluster: string; local: string }, settings: NodeSettings): string[] {
  if (planned.external === 'cluster') return ['jump mark-for-masquerade', `goto ${to.cluster}`];
  const source = sourceMatches(settings.localTraffic, ipWord(settings));
  // With traffic that must stay on the node, pods and the node itself go anywhere: they know nothing of where they are.
  return [
    ...(source && planned.cluster.length > 0 ? [`${source.isLocal} goto ${to.cluster} comment "short-circuit pod traffic"`] : []),
    ...(planned.cluster.length > 0
      ? [
          'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"',
          `fib saddr type local goto ${to.cluster} comment "short-circuit local traffic"`,
        ]
      : []),
    ...(planned.external === 'local' ? [`goto ${to.local}`] : []),
  ];
}

/** Clients that are bound go to their endpoint, the others to any with the same chance. */
function balance(planned: PlannedPort, endpoints: readonly Endpoint[], settings: NodeSettings): string[] {
  const bound = planned.port.affinitySeconds
    ? endpoints.map(
        (endpoint) => `${ipWord(settings)} saddr @${affinitySet(planned, endpoint)} goto ${endpointChain(planned, endpoint)}`,
      )
    : [];
  const choices = endpoints.map((endpoint, i) => `${i} : goto ${endpointChain(planned, endpoint)}`);
  return [...bound, `numgen random mod ${endpoints.length} vmap { ${choices.join(', ')} }`];
}

function addEndpoint(parts: Parts, planned: PlannedPort, endpoint: Endpoint, settings: NodeSettings): void {
  const ip = ipWord(settings);
  const { affinitySeconds, protocol } = planned.port;
  const affinity = affinitySet(planned, endpoint);
  const rules = [
    // A pod that reaches itself through its Service must not see its own address as the sender.
    `${ip} saddr ${endpoint.ip} jump mark-for-masquerade`,
    ...(affinitySeconds ? [`update @${affinity} { ${ip} saddr }`] : []),
    `meta l4proto ${protocol} dnat to ${endpointText(endpoint)}`,
  ];
  parts.chains.set(endpointChain(planned, endpoint), { rules });
  if (affinitySeconds) {
    const address = settings.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    parts.affinity.set(affinity, {
      kind: 'set',
      definition: `type ${address} ; flags dynamic,timeout ; timeout ${affinitySeconds}s ;`,
      elements: new Map(),
    });
  }
}
