import { type Endpoint, endpointText } from '../plan/endpoint.ts';
import { nameHash } from '../plan/names.ts';
import type { Destination, LocalTraffic, NodeSettings, PlannedPort, ProxyPlan } from '../plan/proxy-plan.ts';
import { cidrHolds, isExternal, withoutParts } from '../plan/service-port.ts';
import { CANARY, type IptablesRuleset, type Jump } from './ruleset.ts';

/*
 *   nat PREROUTING, OUTPUT ─► KUBE-SERVICES ─┬─────────────────► KUBE-SVC-… or KUBE-SVL-… ─► KUBE-SEP-…  (DNAT)
 *                                            ├─► (KUBE-FW-…) ──► KUBE-EXT-… ─► KUBE-SVC-… or KUBE-SVL-…
 *                                            └─► KUBE-NODEPORTS ► KUBE-EXT-…
 *   nat POSTROUTING ─► KUBE-POSTROUTING (MASQUERADE of what KUBE-MARK-MASQ marked)
 *   filter: KUBE-SERVICES, KUBE-EXTERNAL-SERVICES (no endpoints), KUBE-PROXY-FIREWALL (source ranges), KUBE-FORWARD
 *
 * The names, matches and comments are those of upstream (pkg/proxy/iptables), which tools and people read.
 */

type Rules = Map<string, string[]>;

const comment = (text: string) => `-m comment --comment "${text}"`;
const NEW = '-m conntrack --ctstate NEW';

const jump = (table: Jump['table'], from: string, to: string, match: string): Jump => ({ table, from, to, match });

/** The rules that lead from the kernel's chains to ours. */
export const JUMPS: readonly Jump[] = [
  ...['INPUT', 'OUTPUT', 'FORWARD'].map((from) =>
    jump('filter', from, 'KUBE-PROXY-FIREWALL', `${NEW} ${comment('kubernetes load balancer firewall')}`),
  ),
  jump('filter', 'INPUT', 'KUBE-NODEPORTS', comment('kubernetes health check service ports')),
  ...['INPUT', 'FORWARD'].map((from) =>
    jump('filter', from, 'KUBE-EXTERNAL-SERVICES', `${NEW} ${comment('kubernetes externally-visible service portals')}`),
  ),
  ...['FORWARD', 'OUTPUT'].map((from) =>
    jump('filter', from, 'KUBE-SERVICES', `${NEW} ${comment('kubernetes service portals')}`),
  ),
  jump('filter', 'FORWARD', 'KUBE-FORWARD', comment('kubernetes forwarding rules')),
  ...['PREROUTING', 'OUTPUT'].map((from) => jump('nat', from, 'KUBE-SERVICES', comment('kubernetes service portals'))),
  jump('nat', 'POSTROUTING', 'KUBE-POSTROUTING', comment('kubernetes postrouting rules')),
];

/** The chains of a plan. */
export function renderIptables({ settings, ports }: ProxyPlan): IptablesRuleset {
  const { filter, nat } = frame(settings);
  for (const planned of ports) addPort(filter, nat, planned, settings);
  nat.get('KUBE-SERVICES')!.push(...nodePortJumps(settings));
  return { jumps: JUMPS, tables: { filter, nat } };
}

function frame({ masqueradeMark, conntrackLiberal, localhostNodePorts, family }: NodeSettings): { filter: Rules; nat: Rules } {
  const mark = `0x${masqueradeMark.toString(16)}`;
  const forwarding = comment('kubernetes forwarding rules');
  const guardsLoopback = localhostNodePorts && family === 4;
  return {
    filter: new Map([
      ['KUBE-NODEPORTS', []],
      ['KUBE-SERVICES', []],
      ['KUBE-EXTERNAL-SERVICES', []],
      [
        'KUBE-FORWARD',
        [
          ...(conntrackLiberal ? [] : ['-m conntrack --ctstate INVALID -j DROP']),
          `${forwarding} -m mark --mark ${mark}/${mark} -j ACCEPT`,
          `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
        ],
      ],
      [
        'KUBE-PROXY-FIREWALL',
        // With route_localnet, packets from outside to 127.0.0.1 would be let in (CVE-2020-8558).
        guardsLoopback
          ? [
              `${comment('block incoming localnet connections')} -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
            ]
          : [],
      ],
      [CANARY, []],
    ]),
    nat: new Map([
      ['KUBE-NODEPORTS', []],
      ['KUBE-SERVICES', []],
      [
        'KUBE-POSTROUTING',
        [
          `-m mark ! --mark ${mark}/${mark} -j RETURN`,
          `-j MARK --xor-mark ${mark}`,
          `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
        ],
      ],
      ['KUBE-MARK-MASQ', [`-j MARK --or-mark ${mark}`]],
      [CANARY, []],
    ]),
  };
}

function nodePortJumps({ nodePortAddresses, localhostNodePorts, family }: NodeSettings): string[] {
  const note = comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain');
  if (nodePortAddresses !== 'all') return nodePortAddresses.map((address) => `${note} -d ${address} -j KUBE-NODEPORTS`);
  const notLoopback = localhostNodePorts && family === 4 ? '' : `! -d ${family === 4 ? '127.0.0.0/8' : '::1/128'} `;
  return [`${note} ${notLoopback}-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`];
}

interface Names {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
}

function addPort(filter: Rules, nat: Rules, planned: PlannedPort, settings: NodeSettings): void {
  const { id, port, internal, external } = planned;
  const { protocol } = port;
  const hash = nameHash(16, id, protocol);
  const to: Names = {
    cluster: `KUBE-SVC-${hash}`,
    local: `KUBE-SVL-${hash}`,
    external: `KUBE-EXT-${hash}`,
    firewall: `KUBE-FW-${hash}`,
  };
  const services = nat.get('KUBE-SERVICES')!;
  const dport = (number: number) => `-m ${protocol} -p ${protocol} --dport ${number}`;
  const match = (ip: string) => `-m ${protocol} -p ${protocol} -d ${host(ip)} --dport ${port.port}`;
  const isOpen = (destination: Destination): destination is 'cluster' | 'local' =>
    destination === 'cluster' || destination === 'local';
  const refuse = (how: Destination) => (how === 'reject' ? 'REJECT' : 'DROP');
  const whyNot = (how: Destination) => comment(`${id} has no ${how === 'reject' ? '' : 'local '}endpoints`);

  if (isOpen(internal)) services.push(`${comment(`${id} cluster IP`)} ${match(port.clusterIp)} -j ${to[internal]}`);
  else filter.get('KUBE-SERVICES')!.push(`${whyNot(internal)} ${match(port.clusterIp)} -j ${refuse(internal)}`);

  const usesExternal = isExternal(port) && external !== 'reject';
  const guarded = port.loadBalancerIps.length > 0 && port.sourceRanges.length > 0;
  const outer = [
    ...port.externalIps.map((ip) => ({ ip, what: 'external IP', chain: to.external })),
    ...port.loadBalancerIps.map((ip) => ({ ip, what: 'loadbalancer IP', chain: guarded ? to.firewall : to.external })),
  ];
  const closed = filter.get('KUBE-EXTERNAL-SERVICES')!;
  for (const { ip, what, chain } of outer) {
    if (usesExternal) services.push(`${comment(`${id} ${what}`)} ${match(ip)} -j ${chain}`);
    if (!isOpen(external)) closed.push(`${whyNot(external)} ${match(ip)} -j ${refuse(external)}`);
  }
  if (port.nodePort && usesExternal) nat.get('KUBE-NODEPORTS')!.push(`${comment(id)} ${dport(port.nodePort)} -j ${to.external}`);
  if (port.nodePort && !isOpen(external))
    closed.push(`${whyNot(external)} -m addrtype --dst-type LOCAL ${dport(port.nodePort)} -j ${refuse(external)}`);
  if (port.healthCheckNodePort)
    filter
      .get('KUBE-NODEPORTS')!
      .push(`${comment(`${id} health check node port`)} -m tcp -p tcp --dport ${port.healthCheckNodePort} -j ACCEPT`);
  if (guarded && usesExternal) {
    nat.set(to.firewall, firewallRules(planned, to, settings));
    for (const ip of port.loadBalancerIps)
      filter.get('KUBE-PROXY-FIREWALL')!.push(`${comment(`${id} traffic not accepted by ${to.firewall}`)} ${match(ip)} -j DROP`);
  }
  if (usesExternal) nat.set(to.external, externalRules(planned, to, settings));
  const used = (['cluster', 'local'] as const).filter(
    (where) => planned[where].length > 0 && (internal === where || usesExternal),
  );
  for (const where of used) {
    const masquerade = internal === where ? clusterIpMasquerade(planned, match(port.clusterIp), settings) : [];
    nat.set(to[where], [...masquerade, ...balance(planned, planned[where])]);
  }
  for (const endpoint of new Set(used.flatMap((where) => planned[where])))
    nat.set(endpointChain(planned, endpoint), endpointRules(planned, endpoint));
}

const host = (ip: string) => (ip.includes(':') ? `${ip}/128` : `${ip}/32`);

const endpointChain = ({ id, port }: PlannedPort, endpoint: Endpoint) =>
  `KUBE-SEP-${nameHash(16, id, port.protocol, endpointText(endpoint))}`;

/** What passes goes on; what comes back from here is dropped in the filter table. */
function firewallRules({ id, port }: PlannedPort, to: Names, { nodeIp }: NodeSettings): string[] {
  const note = comment(`${id} loadbalancer IP`);
  const nodeIsIn = nodeIp !== undefined && port.sourceRanges.some((range) => cidrHolds(range, nodeIp));
  const sources = withoutParts(nodeIsIn ? [...port.sourceRanges, ...port.loadBalancerIps.map(host)] : port.sourceRanges);
  return sources.map((source) => `${note} -s ${source} -j ${to.external}`);
}

function externalRules(planned: PlannedPort, to: Names, settings: NodeSettings): string[] {
  const { id, external, cluster } = planned;
  const about = (what: string) => comment(`${what} for ${id} external destinations`);
  if (external === 'cluster') return [`${about('masquerade traffic')} -j KUBE-MARK-MASQ`, `-j ${to.cluster}`];
  const source = sourceMatches(settings.localTraffic);
  const toAll = cluster.length > 0;
  return [
    ...(source && toAll ? [`${about('pod traffic')} ${source.isLocal} -j ${to.cluster}`] : []),
    ...(toAll
      ? [
          `${about('masquerade LOCAL traffic')} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
          `${about('route LOCAL traffic')} -m addrtype --src-type LOCAL -j ${to.cluster}`,
        ]
      : []),
    ...(external === 'local' ? [`-j ${to.local}`] : []),
  ];
}

function sourceMatches(local: LocalTraffic): { isLocal: string; isNotLocal: string } | undefined {
  const match = (option: string, value: string) => ({ isLocal: `${option} ${value}`, isNotLocal: `! ${option} ${value}` });
  switch (local.by) {
    case 'nothing':
      return undefined;
    case 'source':
      return match('-s', local.cidr);
    case 'interface':
      return match('-i', local.name);
    case 'interface-prefix':
      return match('-i', `${local.prefix}+`);
  }
}

function clusterIpMasquerade({ id }: PlannedPort, toClusterIp: string, settings: NodeSettings): string[] {
  const note = comment(`${id} cluster IP`);
  if (settings.masqueradeAll) return [`${note} ${toClusterIp} -j KUBE-MARK-MASQ`];
  const source = sourceMatches(settings.localTraffic);
  return source ? [`${note} ${toClusterIp} ${source.isNotLocal} -j KUBE-MARK-MASQ`] : [];
}

/** Clients that are bound go to their endpoint, the others to any with the same chance. */
function balance(planned: PlannedPort, endpoints: readonly Endpoint[]): string[] {
  const { affinitySeconds } = planned.port;
  const note = (endpoint: Endpoint) => comment(`${planned.id} -> ${endpointText(endpoint)}`);
  const bound = affinitySeconds
    ? endpoints.map((endpoint) => {
        const chain = endpointChain(planned, endpoint);
        return `${note(endpoint)} -m recent --name ${chain} --rcheck --seconds ${affinitySeconds} --reap -j ${chain}`;
      })
    : [];
  const choices = endpoints.map((endpoint, i) => {
    const left = endpoints.length - i;
    const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
    return `${note(endpoint)}${chance} -j ${endpointChain(planned, endpoint)}`;
  });
  return [...bound, ...choices];
}

function endpointRules(planned: PlannedPort, endpoint: Endpoint): string[] {
  const note = comment(planned.id);
  const { protocol, affinitySeconds } = planned.port;
  const bind = affinitySeconds ? `-m recent --name ${endpointChain(planned, endpoint)} --set ` : '';
  return [
    // A pod that reaches itself through its Service must not see its own address as the sender.
    `${note} -s ${host(endpoint.ip)} -j KUBE-MARK-MASQ`,
    `${note} ${bind}-m ${protocol} -p ${protocol} -j DNAT --to-destination ${endpointText(endpoint)}`,
  ];
}
