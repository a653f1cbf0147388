import { type Family, formatIp, parseCidr, parseIp } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { VxlanSettings } from './vxlan-plan.ts';

export type EncapsulationMode = 'Always' | 'CrossSubnet' | 'Never';

/** How a node finds the address under which others reach it. */
export type Autodetection =
  | { readonly method: 'first-found' }
  | { readonly method: 'can-reach'; readonly destination: string }
  | { readonly method: 'interface' | 'skip-interface'; readonly patterns: readonly RegExp[] }
  | { readonly method: 'cidr'; readonly cidrs: readonly string[] }
  | { readonly method: 'kubernetes-internal-ip' };

/** What the environment of calico-node says, under its names. */
export interface CalicoSettings {
  /** NODENAME; undefined: the machine's name. */
  readonly nodeName: string | undefined;
  /** An address, or how to find it; undefined: IPv4 is not used. */
  readonly ip: string | Autodetection | undefined;
  /** Of IPv6, which is used only when it is asked for. */
  readonly ip6: string | Autodetection | undefined;
  /** AS; undefined: as the cluster's BGPConfiguration says. */
  readonly asNumber: number | undefined;
  /** CALICO_ROUTER_ID; undefined: the address of IPv4, and without one as with `hash`, a number made of the node's name. */
  readonly routerId: string | 'hash' | undefined;
  /** What the first node makes a pool of, where there is none of the family; undefined with NO_DEFAULT_POOLS. */
  readonly defaultPool: DefaultPool | undefined;
  /** Without CALICO_IPV6POOL_CIDR one has a range of its own, by chance (RFC 4193). */
  readonly defaultPool6: (Omit<DefaultPool, 'cidr'> & { readonly cidr: string | undefined }) | undefined;
  /** CALICO_NETWORKING_BACKEND: without `bird` there are no routes between nodes. */
  readonly backend: 'bird' | 'none';
  /** CNI_MTU; undefined: the kernel's choice. */
  readonly mtu: number | undefined;
  readonly ipipMtu: number;
  readonly vxlan: Readonly<Record<Family, VxlanSettings>>;
  readonly logSeverity: LogSeverity;
  /** What has no effect here, in a line each. */
  readonly remarks: readonly string[];
}

export interface DefaultPool {
  readonly cidr: string;
  readonly blockSize: number;
  readonly ipipMode: EncapsulationMode;
  readonly vxlanMode: EncapsulationMode;
  readonly natOutgoing: boolean;
  readonly nodeSelector: string;
}

/** What is said of pools of a family, in the names of the variables, and what holds without. */
export const POOL_SETTINGS = {
  4: { prefix: 'CALICO_IPV4POOL', name: 'default-ipv4-ippool', blockSize: 26, sizes: { least: 20, most: 30 }, natOutgoing: true },
  6: {
    prefix: 'CALICO_IPV6POOL',
    name: 'default-ipv6-ippool',
    blockSize: 122,
    sizes: { least: 116, most: 126 },
    natOutgoing: false,
  },
} as const;

export type LogSeverity = (typeof SEVERITIES)[number];

type Environment = Readonly<Record<string, string | undefined>>;

const SEVERITIES = ['debug', 'info', 'warning', 'error', 'fatal', 'none'] as const;
const DEFAULT_POOL = '192.168.0.0/16';
const IPIP_HEADER_BYTES = 20;
const VXLAN_HEADER_BYTES = { 4: 50, 6: 70 };
const LARGEST_VNI = 0xff_ff_ff;

/** Where it is said how an address is found. */
export const METHOD_VARIABLES = { 4: 'IP_AUTODETECTION_METHOD', 6: 'IP6_AUTODETECTION_METHOD' } as const;

/** Read here or in `command.ts`. */
const KNOWN = new Set([
  ...['NODENAME', 'HOSTNAME', 'IP', 'IP_AUTODETECTION_METHOD', 'AS', 'CALICO_ROUTER_ID', 'NO_DEFAULT_POOLS'],
  ...['CALICO_IPV4POOL_CIDR', 'CALICO_IPV4POOL_BLOCK_SIZE', 'CALICO_IPV4POOL_IPIP', 'CALICO_IPV4POOL_NAT_OUTGOING'],
  ...['CALICO_IPV4POOL_NODE_SELECTOR', 'CALICO_IPV4POOL_VXLAN', 'CALICO_NETWORKING_BACKEND', 'CALICO_IPV6POOL_CIDR'],
  ...['CALICO_IPV6POOL_BLOCK_SIZE', 'CALICO_IPV6POOL_NAT_OUTGOING', 'CALICO_IPV6POOL_NODE_SELECTOR', 'CALICO_IPV6POOL_VXLAN'],
  ...['IP6_AUTODETECTION_METHOD', 'FELIX_VXLANMTUV6'],
  ...['FELIX_LOGSEVERITYSCREEN', 'FELIX_IPINIPMTU', 'FELIX_IPV6SUPPORT', 'FELIX_BPFENABLED', 'IP6', 'CNI_MTU'],
  ...['FELIX_VXLANVNI', 'FELIX_VXLANPORT', 'FELIX_VXLANMTU'],
]);
const OURS = /^(CALICO_|FELIX_|ETCD_|DATASTORE_TYPE$|WAIT_FOR_DATASTORE$|CLUSTER_TYPE$|IP6_|IP$|AS$)/;

/**
 * Reads the variables that manifests of calico-node set. What cannot be had is refused by name; what changes nothing here is told.
 *
 * @throws CodedError CALICO_SETTINGS_INVALID
 */
export function readCalicoSettings(environment: Environment): CalicoSettings {
  const text = (name: string) => environment[name]?.trim() || undefined;
  if (isTrue('FELIX_BPFENABLED', text('FELIX_BPFENABLED'), false)) throw refusal('FELIX_BPFENABLED', 'true', 'not supported');
  const backend = text('CALICO_NETWORKING_BACKEND') ?? 'bird';
  if (backend === 'vxlan')
    throw refusal('CALICO_NETWORKING_BACKEND', backend, 'not supported; "bird" does it with CALICO_IPV4POOL_VXLAN=Always');
  if (backend !== 'bird' && backend !== 'none') throw refusal('CALICO_NETWORKING_BACKEND', backend, 'must be "bird" or "none"');
  const ip = text('IP') === 'none' ? undefined : addressOrMethod('IP', text, 4);
  const ip6 = (text('IP6') ?? 'none') === 'none' ? undefined : addressOrMethod('IP6', text, 6);
  if (ip === undefined && ip6 === undefined) throw refusal('IP', 'none', 'a node needs an address of IPv4, or of IPv6 (IP6)');
  const makesPools = !isTrue('NO_DEFAULT_POOLS', text('NO_DEFAULT_POOLS'), false);
  const mtu = numberOf('CNI_MTU', text('CNI_MTU'), { least: 0, most: 65_535 });
  return {
    nodeName: text('NODENAME')?.toLowerCase(),
    ip,
    ip6,
    asNumber: asNumberOf('AS', text('AS')),
    routerId: text('CALICO_ROUTER_ID') === 'hash' ? 'hash' : addressOf('CALICO_ROUTER_ID', text('CALICO_ROUTER_ID'), 4),
    defaultPool: makesPools && ip !== undefined ? defaultPool(text) : undefined,
    defaultPool6: makesPools && ip6 !== undefined ? defaultPool6(text) : undefined,
    backend,
    mtu: mtu || undefined,
    ipipMtu: numberOf('FELIX_IPINIPMTU', text('FELIX_IPINIPMTU'), { least: 0, most: 65_535 }) || 1500 - IPIP_HEADER_BYTES,
    vxlan: { 4: vxlanOf(text, 4), 6: vxlanOf(text, 6) },
    logSeverity: severityOf(text('FELIX_LOGSEVERITYSCREEN')),
    remarks: remarksOn(environment),
  };
}

type ReadText = (name: string) => string | undefined;

function defaultPool(text: ReadText): DefaultPool | undefined {
  const cidr = text('CALICO_IPV4POOL_CIDR') ?? DEFAULT_POOL;
  if (cidr === 'none') return undefined;
  const ipipMode = modeOf('CALICO_IPV4POOL_IPIP', text('CALICO_IPV4POOL_IPIP'));
  const pool = { cidr, ipipMode, ...poolSettings(text, 4, cidr) };
  if (ipipMode !== 'Never' && pool.vxlanMode !== 'Never')
    throw refusal('CALICO_IPV4POOL_VXLAN', text('CALICO_IPV4POOL_VXLAN')!, 'a pool has IPIP or VXLAN, not both');
  return pool;
}

function defaultPool6(text: ReadText): CalicoSettings['defaultPool6'] {
  const cidr = text('CALICO_IPV6POOL_CIDR');
  // The kernel's IPIP is of IPv4 only.
  return cidr === 'none' ? undefined : { cidr, ipipMode: 'Never', ...poolSettings(text, 6, cidr) };
}

function poolSettings(text: ReadText, family: Family, cidr: string | undefined): Omit<DefaultPool, 'cidr' | 'ipipMode'> {
  const { prefix, blockSize: usualSize, sizes, natOutgoing } = POOL_SETTINGS[family];
  const range = cidr === undefined ? undefined : parseCidr(cidr);
  if (cidr !== undefined && range?.address.family !== family)
    throw refusal(`${prefix}_CIDR`, cidr, `must be a CIDR of IPv${family}`);
  const blockSize = numberOf(`${prefix}_BLOCK_SIZE`, text(`${prefix}_BLOCK_SIZE`), sizes) ?? usualSize;
  if (range && blockSize < range.length)
    throw refusal(`${prefix}_BLOCK_SIZE`, String(blockSize), `a block is larger than the pool ${cidr}`);
  return {
    blockSize,
    vxlanMode: modeOf(`${prefix}_VXLAN`, text(`${prefix}_VXLAN`)),
    natOutgoing: isTrue(`${prefix}_NAT_OUTGOING`, text(`${prefix}_NAT_OUTGOING`), natOutgoing),
    nodeSelector: text(`${prefix}_NODE_SELECTOR`) ?? 'all()',
  };
}

function vxlanOf(text: ReadText, family: Family): VxlanSettings {
  const mtu = family === 4 ? 'FELIX_VXLANMTU' : 'FELIX_VXLANMTUV6';
  return {
    vni: numberOf('FELIX_VXLANVNI', text('FELIX_VXLANVNI'), { least: 1, most: LARGEST_VNI }) ?? 4096,
    port: numberOf('FELIX_VXLANPORT', text('FELIX_VXLANPORT'), { least: 1, most: 65_535 }) ?? 4789,
    mtu: numberOf(mtu, text(mtu), { least: 0, most: 65_535 }) || 1500 - VXLAN_HEADER_BYTES[family],
  };
}

/** calico-node without the variable routes directly: the manifest, not the program, switches a tunnel on. */
function modeOf(name: string, text: string | undefined): EncapsulationMode {
  const modes: Readonly<Record<string, EncapsulationMode>> = {
    always: 'Always',
    'cross-subnet': 'CrossSubnet',
    crosssubnet: 'CrossSubnet',
    never: 'Never',
    off: 'Never',
  };
  const lower = (text ?? 'off').toLowerCase();
  if (!Object.hasOwn(modes, lower)) throw refusal(name, text!, 'must be "Always", "CrossSubnet" or "Never" ("off")');
  return modes[lower]!;
}

function addressOrMethod(name: 'IP' | 'IP6', text: ReadText, family: Family): string | Autodetection {
  const ip = text(name);
  if (ip && ip !== 'autodetect') {
    const [address = '', length] = ip.split('/');
    if (length !== undefined && !parseCidr(ip)) throw refusal(name, ip, `must be an address of IPv${family}`);
    return addressOf(name, address, family)!;
  }
  return autodetectionOf(METHOD_VARIABLES[family], text(METHOD_VARIABLES[family]) ?? 'first-found', family);
}

/** `first-found`, `can-reach=192.0.2.1`, `interface=eth.*,ens160`, `skip-interface=…`, `cidr=…`, `kubernetes-internal-ip`. */
function autodetectionOf(name: string, text: string, family: Family): Autodetection {
  const [, method = '', rest = ''] = /^([a-z-]+)(?:=(.*))?$/i.exec(text) ?? [];
  const parts = rest
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  if (method === 'first-found' || method === 'kubernetes-internal-ip') return { method };
  if (parts.length > 0 && (method === 'interface' || method === 'skip-interface'))
    return { method, patterns: parts.map((part) => patternOf(name, part)) };
  if (parts.length === 1 && method === 'can-reach') return { method, destination: parts[0]! };
  if (parts.length > 0 && method === 'cidr' && parts.every((part) => parseCidr(part)?.address.family === family))
    return { method, cidrs: parts };
  throw refusal(
    name,
    text,
    `must be first-found, can-reach=DESTINATION, interface=REGEX, skip-interface=REGEX, cidr=CIDR of IPv${family} or kubernetes-internal-ip`,
  );
}

function patternOf(name: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw refusal(name, text, (cause as Error).message);
  }
}

function addressOf(name: string, text: string | undefined, family: Family): string | undefined {
  const parsed = text === undefined ? undefined : parseIp(text);
  if (text !== undefined && parsed?.family !== family) throw refusal(name, text, `must be an address of IPv${family}`);
  return parsed && formatIp(parsed);
}

/** `64512`, or with a dot as of RFC 5396: `1.10`. */
function asNumberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, high, low] = /^(\d{1,5})\.(\d{1,5})$/.exec(text) ?? [];
  const number = high === undefined ? Number(/^\d{1,10}$/.test(text) ? text : Number.NaN) : Number(high) * 0x1_0000 + Number(low);
  if (!(number >= 1 && number <= 0xffff_ffff)) throw refusal(name, text, 'must be an AS number');
  return number;
}

function numberOf(
  name: string,
  text: string | undefined,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) throw refusal(name, text, `must be a number from ${least} to ${most}`);
  return number;
}

function isTrue(name: string, text: string | undefined, otherwise: boolean): boolean {
  if (text === undefined) return otherwise;
  const lower = text.toLowerCase();
  if (['true', '1', 'yes', 'y', 't'].includes(lower)) return true;
  if (['false', '0', 'no', 'n', 'f'].includes(lower)) return false;
  throw refusal(name, text, 'must be "true" or "false"');
}

function severityOf(text: string | undefined): LogSeverity {
  const found = SEVERITIES.find((severity) => severity === (text ?? 'info').toLowerCase());
  if (!found) throw refusal('FELIX_LOGSEVERITYSCREEN', text!, `must be one of ${SEVERITIES.join(', ')}`);
  return found;
}

function remarksOn(environment: Environment): string[] {
  const given = Object.keys(environment).filter((name) => OURS.test(name) && environment[name]?.trim());
  const stores = given.filter(
    (name) => name.startsWith('ETCD_') || (name === 'DATASTORE_TYPE' && environment[name] !== 'kubernetes'),
  );
  const said = (name: string) => environment[name]?.trim() || undefined;
  const wants6 = (said('IP6') ?? 'none') !== 'none';
  const others = given.filter((name) => !KNOWN.has(name) && !stores.includes(name) && name !== 'DATASTORE_TYPE').sort();
  return [
    ...(stores.length > 0 ? [`${stores.sort().join(', ')}: no effect, everything is kept in the Kubernetes API`] : []),
    ...(wants6 && !isTrue('FELIX_IPV6SUPPORT', said('FELIX_IPV6SUPPORT'), true)
      ? ['FELIX_IPV6SUPPORT=false: no effect, IP6 alone switches IPv6 on']
      : []),
    ...(!wants6 && isTrue('FELIX_IPV6SUPPORT', said('FELIX_IPV6SUPPORT'), false)
      ? [
          'FELIX_IPV6SUPPORT=true: without IP6 (autodetect, or an address) pods have no addresses of IPv6; policies hold for both families',
        ]
      : []),
    ...(!wants6 && given.some((name) => name.startsWith('CALICO_IPV6POOL_') && environment[name]?.trim() !== 'none')
      ? ['CALICO_IPV6POOL_…: no effect without IP6 (autodetect, or an address)']
      : []),
    ...(others.length > 0 ? [`${others.join(', ')}: no effect here`] : []),
  ];
}

const refusal = (name: string, value: string, why: string) =>
  new CodedError(`${name}=${JSON.stringify(value)}: ${why}`, { code: 'CALICO_SETTINGS_INVALID' });
