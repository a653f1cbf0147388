import type { Family } from '../../api/machinery/ip.ts';
import { CANARY, type IptablesRuleset, type Jump } from '../iptables/ruleset.ts';
import type { LocalTraffic, NodeSettings } from '../plan/proxy-plan.ts';
import { kernelName, type SetName, serviceEntry } from './sets.ts';

/*
 *   nat PREROUTING, OUTPUT ─► KUBE-SERVICES ─┬─► KUBE-MARK-MASQ           (what must come back through this node)
 *                                            ├─► KUBE-LOAD-BALANCER ─► KUBE-MARK-MASQ, unless Local
 *                                            └─► KUBE-NODE-PORT ─► KUBE-MARK-MASQ, unless Local
 *   IPVS itself, between filter INPUT and nat POSTROUTING
 *   nat POSTROUTING ─► KUBE-POSTROUTING (MASQUERADE of what is marked, and of pods that reach themselves)
 *   filter: KUBE-PROXY-FIREWALL (source ranges), KUBE-NODE-PORT (health checks), KUBE-IPVS-FILTER (the node's own ports, which
 *   nobody shall reach by an address of a Service), KUBE-FORWARD
 *
 * The names and comments are those of upstream (pkg/proxy/ipvs). Its rules come and go with the sets' entries; these always stand.
 */

const comment = (text: string) => `-m comment --comment "${text}"`;
const jump = (table: Jump['table'], from: string, to: string, about: string): Jump => ({
  table,
  from,
  to,
  match: comment(about),
});

/** The rules that lead from the kernel's chains to ours. */
export const IPVS_JUMPS: readonly Jump[] = [
  ...['OUTPUT', 'PREROUTING'].map((from) => jump('nat', from, 'KUBE-SERVICES', 'kubernetes service portals')),
  jump('nat', 'POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules'),
  jump('filter', 'FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules'),
  jump('filter', 'INPUT', 'KUBE-NODE-PORT', 'kubernetes health check rules'),
  ...['INPUT', 'FORWARD'].map((from) => jump('filter', from, 'KUBE-PROXY-FIREWALL', 'kube-proxy firewall rules')),
  jump('filter', 'INPUT', 'KUBE-IPVS-FILTER', 'kubernetes ipvs access filter'),
  jump('filter', 'OUTPUT', 'KUBE-IPVS-OUT-FILTER', 'kubernetes ipvs access filter'),
];

/** An address of a load balancer, and a port, that this node itself may not use: it lies in none of the source ranges. */
export interface ClosedToNode {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** The chains of a family. */
export function ipvsChains(settings: NodeSettings, closed: readonly ClosedToNode[]): IptablesRuleset {
  const { family, masqueradeMark } = settings;
  const mark = `0x${masqueradeMark.toString(16)}`;
  const inSet = (name: SetName, fields: string) => `-m set --match-set ${kernelName(name, family)} ${fields}`;
  const SERVICE = 'dst,dst';
  const SOURCE = 'dst,dst,src';
  const nodePorts = (['tcp', 'udp', 'sctp'] as const).flatMap((protocol) => {
    const [local, all] = NODE_PORT_SETS[protocol];
    const fields = protocol === 'sctp' ? SERVICE : 'dst';
    return [`-p ${protocol} ${inSet(local, fields)} -j RETURN`, `-p ${protocol} ${inSet(all, fields)} -j KUBE-MARK-MASQ`];
  });
  const nat: [string, string[]][] = [
    [
      'KUBE-SERVICES',
      [
        `-s ${family === 4 ? '127.0.0.0/8' : '::1/128'} -j RETURN`,
        `${comment('Kubernetes service lb portal')} ${inSet('KUBE-LOAD-BALANCER', SERVICE)} -j KUBE-LOAD-BALANCER`,
        clusterIpRule(settings, (fields) => inSet('KUBE-CLUSTER-IP', fields)),
        `${comment('Kubernetes service external ip + port for masquerade and filter purpose')} ${inSet('KUBE-EXTERNAL-IP', SERVICE)} -j KUBE-MARK-MASQ`,
        `${inSet('KUBE-EXTERNAL-IP', SERVICE)} -j ACCEPT`,
        `${inSet('KUBE-EXTERNAL-IP-LOCAL', SERVICE)} -j ACCEPT`,
        '-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
        // What is IPVS's is not led elsewhere by rules of others.
        `${inSet('KUBE-CLUSTER-IP', SERVICE)} -j ACCEPT`,
        `${inSet('KUBE-LOAD-BALANCER', SERVICE)} -j ACCEPT`,
      ],
    ],
    ['KUBE-NODE-PORT', nodePorts],
    ['KUBE-LOAD-BALANCER', [`${inSet('KUBE-LOAD-BALANCER-LOCAL', SERVICE)} -j RETURN`, '-j KUBE-MARK-MASQ']],
    ['KUBE-MARK-MASQ', [`-j MARK --or-mark ${mark}`]],
    [
      'KUBE-POSTROUTING',
      [
        `${comment('Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose')} ${inSet('KUBE-LOOP-BACK', SOURCE)} -j MASQUERADE`,
        `-m mark ! --mark ${mark}/${mark} -j RETURN`,
        `-j MARK --xor-mark ${mark}`,
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
      ],
    ],
    [CANARY, []],
  ];
  const filter: [string, string[]][] = [
    [
      'KUBE-FORWARD',
      [
        `${comment('kubernetes forwarding rules')} -m mark --mark ${mark}/${mark} -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
    ],
    [
      'KUBE-NODE-PORT',
      [`${comment('Kubernetes health check node port')} ${inSet('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j ACCEPT`],
    ],
    ['KUBE-PROXY-FIREWALL', [`${inSet('KUBE-LOAD-BALANCER-FW', SERVICE)} -j KUBE-SOURCE-RANGES-FIREWALL`]],
    [
      'KUBE-SOURCE-RANGES-FIREWALL',
      [
        `${inSet('KUBE-LOAD-BALANCER-SOURCE-CIDR', SOURCE)} -j RETURN`,
        `${inSet('KUBE-LOAD-BALANCER-SOURCE-IP', SOURCE)} -j RETURN`,
        '-j DROP',
      ],
    ],
    [
      'KUBE-IPVS-FILTER',
      [
        ...(['KUBE-LOAD-BALANCER', 'KUBE-CLUSTER-IP', 'KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const).map(
          (name) => `${inSet(name, SERVICE)} -j RETURN`,
        ),
        `${inSet('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j RETURN`,
        `-m conntrack --ctstate NEW ${inSet('KUBE-IPVS-IPS', 'dst')} -j REJECT`,
      ],
    ],
    ['KUBE-IPVS-OUT-FILTER', closed.map((service) => closedRule(service, family))],
    [CANARY, []],
  ];
  return { jumps: IPVS_JUMPS, tables: { filter: new Map(filter), nat: new Map(nat) } };
}

/** For node ports of Services whose traffic stays on this node, and for all. */
export const NODE_PORT_SETS = {
  tcp: ['KUBE-NODE-PORT-LOCAL-TCP', 'KUBE-NODE-PORT-TCP'],
  udp: ['KUBE-NODE-PORT-LOCAL-UDP', 'KUBE-NODE-PORT-UDP'],
  sctp: ['KUBE-NODE-PORT-LOCAL-SCTP-HASH', 'KUBE-NODE-PORT-SCTP-HASH'],
} as const;

/** What comes from outside to a cluster IP may come out on another node: it must come back through this one. */
function clusterIpRule({ masqueradeAll, localTraffic }: NodeSettings, inSet: (fields: string) => string): string {
  const about = comment('Kubernetes service cluster ip + port for masquerade purpose');
  if (masqueradeAll) return `${about} ${inSet('dst,dst')} -j KUBE-MARK-MASQ`;
  const outside = notLocal(localTraffic);
  // The node's own connections to a cluster IP have it as their source too, since it is an address of a device here.
  if (outside === undefined) return `${about} ${inSet('src,dst')} -j KUBE-MARK-MASQ`;
  return `${about} ${inSet('dst,dst')} ${outside} -j KUBE-MARK-MASQ`;
}

function notLocal(local: LocalTraffic): string | undefined {
  switch (local.by) {
    case 'nothing':
      return undefined;
    case 'source':
      return `! -s ${local.cidr}`;
    case 'interface':
      return `! -i ${local.name}`;
    case 'interface-prefix':
      return `! -i ${local.prefix}+`;
  }
}

/** IPVS has led the packet on already when this chain sees it: its connection still says where it was sent. */
function closedRule({ ip, protocol, port }: ClosedToNode, family: Family): string {
  const address = `${ip}/${family === 4 ? 32 : 128}`;
  return `${comment(`${serviceEntry(ip, protocol, port)} is closed to this node`)} -s ${address} -p ${protocol} -m conntrack --ctdir ORIGINAL --ctorigdst ${address} --ctorigdstport ${port} -j DROP`;
}
