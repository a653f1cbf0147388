import { createHash } from 'node:crypto';
import type { Family } from '../../api/machinery/ip.ts';
import type { BgpPlan } from './bgp-plan.ts';
import { isInNetworkOf } from './bgp-plan.ts';
import type { EncapsulationMode, LogSeverity } from './settings.ts';

/** The kernel's device of IPIP without an address of its own, as Calico uses it. */
export const TUNNEL_DEVICE = 'tunl0';

export interface BirdSettings {
  readonly routerId: string;
  /** Those whose routes BIRD keeps. */
  readonly families: readonly BirdFamily[];
  readonly logFile: string;
  readonly logSeverity: LogSeverity;
  /** What is to stay in the kernel when BIRD ends. */
  readonly keepRoutes: boolean;
}

/** Sessions, blocks and pools of one family. */
export interface BirdFamily {
  readonly family: Family;
  /** With the length of its network: `192.168.20.31/24`. */
  readonly address: string;
  readonly plan: BgpPlan;
  /** This node's. */
  readonly blocks: readonly string[];
  /** Pools that routes may be of. */
  readonly pools: readonly {
    readonly cidr: string;
    readonly ipipMode: EncapsulationMode;
    readonly vxlanMode?: EncapsulationMode;
  }[];
}

/** Of a file; then it begins anew and one older is kept. */
const LARGEST_LOG_BYTES = 1 << 20;
const LOG_CLASSES: Readonly<Record<LogSeverity, string>> = {
  debug: 'all',
  info: '{ info, remote, warning, error, auth, fatal, bug }',
  warning: '{ warning, error, auth, fatal, bug }',
  error: '{ error, auth, fatal, bug }',
  fatal: '{ fatal, bug }',
  none: '{ fatal, bug }',
};

/**
 * A configuration of BIRD 2 (https://bird.network.cz/doc/bird.html) that does what calico-node's two of BIRD 1 do: announces this node's
 * blocks, holds them with a blackhole, and takes others' blocks into the kernel, over the tunnel where the pool says so. As there, routes
 * of a family are told of between addresses of it.
 *
 * BIRD 2 cannot give a route another device. Next hops of pools with IPIP are looked up in a table in which each node is reached
 * through the tunnel: the routes come out as `… via NODE dev tunl0 proto bird onlink`.
 */
export function birdConfiguration({ routerId, families, logFile, logSeverity, keepRoutes }: BirdSettings): string {
  const channels = families.map(({ family }) => ` ${CHANNELS[family]};`).join('');
  return [
    '# Written by muster calico-node; what is changed here is overwritten.',
    `log ${JSON.stringify(logFile)} ${LARGEST_LOG_BYTES} ${JSON.stringify(`${logFile}.old`)} ${LOG_CLASSES[logSeverity]};`,
    `router id ${routerId};`,
    'protocol device { scan time 2; }',
    `protocol direct {${channels} interface -"veth*", -"cali*", -"kube-ipvs*", -"docker*", "*"; }`,
    ...families.flatMap((one) => familyConfiguration(one, keepRoutes)),
    '',
  ].join('\n');
}

const CHANNELS = { 4: 'ipv4', 6: 'ipv6' } as const;

/** Names of what is of IPv6 end in 6: those of the two families are of one process. */
function familyConfiguration(settings: BirdFamily, keepRoutes: boolean): string[] {
  const { family, address, plan, blocks } = settings;
  const channel = CHANNELS[family];
  const suffix = family === 4 ? '' : '6';
  const mode = tunnelMode(settings.pools);
  // Routes of the others are not BIRD's to tell or to take: see vxlan-plan.ts.
  const isTunnelled = ({ vxlanMode = 'Never' }: BirdFamily['pools'][number]) => vxlanMode !== 'Never';
  const pools = settings.pools.filter((pool) => !isTunnelled(pool));
  const tunnelled = settings.pools
    .filter(isTunnelled)
    .map(({ cidr }) => `${cidr}+`)
    .join(', ');
  const ip = address.split('/')[0]!;
  const poolSet = pools.map(({ cidr }) => `${cidr}+`).join(', ');
  const ownSet = blocks.map((block) => `${block}+`).join(', ');
  return [
    ...(mode === 'Never' ? [] : ['ipv4 table tunnels4;']),
    ...section(`protocol static blocks${suffix}`, [`${channel};`, ...blocks.map((block) => `route ${block} blackhole;`)]),
    ...(mode === 'Never'
      ? []
      : section('protocol static tunnels', ['ipv4 { table tunnels4; };', ...tunnelRoutes(settings, mode)])),
    ...section(`filter to_kernel${suffix}`, [
      'if source = RTS_STATIC then accept;',
      ...(pools.length > 0 ? [`if source = RTS_BGP && net ~ [ ${poolSet} ] then accept;`] : []),
      'reject;',
    ]),
    ...section(`filter to_peers${suffix}`, [
      ...(tunnelled === '' ? [] : [`if net ~ [ ${tunnelled} ] then reject;`]),
      'if source = RTS_STATIC then accept;',
      '# Of an own block nothing but the whole.',
      ...(blocks.length > 0 ? [`if net ~ [ ${ownSet} ] then reject;`] : []),
      ...(pools.length > 0 ? [`if source = RTS_BGP && net ~ [ ${poolSet} ] then accept;`] : []),
      'reject;',
    ]),
    ...section('protocol kernel', [
      'learn;',
      ...(keepRoutes ? ['persist;'] : []),
      'scan time 2;',
      'metric 0;',
      'graceful restart;',
      `${channel} { import all; export filter to_kernel${suffix}; };`,
    ]),
    ...section(`template bgp nodes${suffix}`, [
      `local as ${plan.asNumber};`,
      'multihop;',
      `source address ${ip};`,
      'graceful restart;',
      'connect delay time 2;',
      'connect retry time 5;',
      'error wait time 5, 30;',
      `${channel} { import all; export filter to_peers${suffix}; gateway recursive;${mode === 'Never' ? '' : ' igp table tunnels4;'} };`,
    ]),
    ...plan.peers.flatMap((peer) =>
      section(`protocol bgp ${peer.name} from nodes${suffix}`, [
        `neighbor ${peer.address} as ${peer.asNumber};`,
        ...(peer.clusterId === undefined ? [] : ['rr client;', `rr cluster id ${peer.clusterId};`]),
      ]),
    ),
  ];
}

/** One for all pools: a next hop is either behind the tunnel or not. */
export function tunnelMode(pools: readonly { readonly ipipMode: EncapsulationMode }[]): EncapsulationMode {
  const modes = pools.map(({ ipipMode }) => ipipMode);
  return modes.includes('Always') ? 'Always' : modes.includes('CrossSubnet') ? 'CrossSubnet' : 'Never';
}

function tunnelRoutes({ address, plan }: BirdFamily, mode: EncapsulationMode): string[] {
  return plan.otherAddresses.map((other) =>
    mode === 'CrossSubnet' && isInNetworkOf(address, other)
      ? `route ${other}/32 via ${other};`
      : `route ${other}/32 via ${other}%${TUNNEL_DEVICE} onlink;`,
  );
}

const section = (head: string, lines: readonly string[]): string[] => [`${head} {`, ...lines.map((line) => `  ${line}`), '}'];

/** A router id for a node without an address of IPv4: of its name, and in the range of addresses that a router id may be of. */
export function hashedRouterId(nodeName: string): string {
  const [first = 0, ...rest] = createHash('sha256').update(nodeName).digest().subarray(0, 4);
  return [(first % 223) + 1, ...rest].join('.');
}
