import { parseCidr, parseIp } from '../../api/machinery/ip.ts';
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
  /** An address, or how to find it. */
  readonly ip: string | Autodetection;
  /** AS; undefined: as the cluster's BGPConfiguration says. */
  readonly asNumber: number | undefined;
  /** CALICO_ROUTER_ID; undefined: the address. */
  readonly routerId: string | undefined;
  /** What the first node makes a pool of, where there is none; undefined with NO_DEFAULT_POOLS. */
  readonly defaultPool:
    | {
        readonly cidr: string;
        readonly blockSize: number;
        readonly ipipMode: EncapsulationMode;
        readonly vxlanMode: EncapsulationMode;
        readonly natOutgoing: boolean;
        readonly nodeSelector: string;
      }
    | undefined;
  /** CALICO_NETWORKING_BACKEND: without `bird` there are no routes between nodes. */
  readonly backend: 'bird' | 'none';
  /** CNI_MTU; undefined: the kernel's choice. */
  readonly mtu: number | undefined;
  readonly ipipMtu: number;
  readonly vxlan: VxlanSettings;
  readonly logSeverity: LogSeverity;
  /** What has no effect here, in a line each. */
  readonly remarks: readonly string[];
}

export type LogSeverity = (typeof SEVERITIES)[number];

type Environment = Readonly<Record<string, string | undefined>>;

const SEVERITIES = ['debug', 'info', 'warning', 'error', 'fatal', 'none'] as const;
const DEFAULT_POOL = '192.168.0.0/16';
const IPIP_HEADER_BYTES = 20;
const VXLAN_HEADER_BYTES = 50;
const LARGEST_VNI = 0xff_ff_ff;

/** Read here or in `command.ts`. */
const KNOWN = new Set([
  ...['NODENAME', 'HOSTNAME', 'IP', 'IP_AUTODETECTION_METHOD', 'AS', 'CALICO_ROUTER_ID', 'NO_DEFAULT_POOLS'],
  ...['CALICO_IPV4POOL_CIDR', 'CALICO_IPV4POOL_BLOCK_SIZE', 'CALICO_IPV4POOL_IPIP', 'CALICO_IPV4POOL_NAT_OUTGOING'],
  ...['CALICO_IPV4POOL_NODE_SELECTOR', 'CALICO_IPV4POOL_VXLAN', 'CALICO_NETWORKING_BACKEND', 'CALICO_IPV6POOL_CIDR'],
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
  for (const name of ['CALICO_IPV6POOL_CIDR', 'IP6'])
    if (text(name) && text(name) !== 'none') throw refusal(name, text(name)!, 'routes of IPv6 are not supported');
  if (isTrue('FELIX_BPFENABLED', text('FELIX_BPFENABLED'), false)) throw refusal('FELIX_BPFENABLED', 'true', 'not supported');
  const backend = text('CALICO_NETWORKING_BACKEND') ?? 'bird';
  if (backend === 'vxlan')
    throw refusal('CALICO_NETWORKING_BACKEND', backend, 'not supported; "bird" does it with CALICO_IPV4POOL_VXLAN=Always');
  if (backend !== 'bird' && backend !== 'none') throw refusal('CALICO_NETWORKING_BACKEND', backend, 'must be "bird" or "none"');
  const mtu = numberOf('CNI_MTU', text('CNI_MTU'), { least: 0, most: 65_535 });
  return {
    nodeName: text('NODENAME')?.toLowerCase(),
    ip: addressOrMethod(text('IP'), text('IP_AUTODETECTION_METHOD')),
    asNumber: asNumberOf('AS', text('AS')),
    routerId: addressOf('CALICO_ROUTER_ID', text('CALICO_ROUTER_ID')),
    defaultPool: isTrue('NO_DEFAULT_POOLS', text('NO_DEFAULT_POOLS'), false) ? undefined : defaultPool(text),
    backend,
    mtu: mtu || undefined,
    ipipMtu: numberOf('FELIX_IPINIPMTU', text('FELIX_IPINIPMTU'), { least: 0, most: 65_535 }) || 1500 - IPIP_HEADER_BYTES,
    vxlan: {
      vni: numberOf('FELIX_VXLANVNI', text('FELIX_VXLANVNI'), { least: 1, most: LARGEST_VNI }) ?? 4096,
      port: numberOf('FELIX_VXLANPORT', text('FELIX_VXLANPORT'), { least: 1, most: 65_535 }) ?? 4789,
      mtu: numberOf('FELIX_VXLANMTU', text('FELIX_VXLANMTU'), { least: 0, most: 65_535 }) || 1500 - VXLAN_HEADER_BYTES,
    },
    logSeverity: severityOf(text('FELIX_LOGSEVERITYSCREEN')),
    remarks: remarksOn(environment),
  };
}

function defaultPool(text: (name: string) => string | undefined): NonNullable<CalicoSettings['defaultPool']> {
  const cidr = text('CALICO_IPV4POOL_CIDR') ?? DEFAULT_POOL;
  const range = parseCidr(cidr);
  if (range?.address.family !== 4) throw refusal('CALICO_IPV4POOL_CIDR', cidr, 'must be a CIDR of IPv4');
  const blockSize = numberOf('CALICO_IPV4POOL_BLOCK_SIZE', text('CALICO_IPV4POOL_BLOCK_SIZE'), { least: 20, most: 30 }) ?? 26;
  if (blockSize < range.length)
    throw refusal('CALICO_IPV4POOL_BLOCK_SIZE', String(blockSize), `a block is larger than the pool ${cidr}`);
  const ipipMode = modeOf('CALICO_IPV4POOL_IPIP', text('CALICO_IPV4POOL_IPIP'));
  const vxlanMode = modeOf('CALICO_IPV4POOL_VXLAN', text('CALICO_IPV4POOL_VXLAN'));
  if (ipipMode !== 'Never' && vxlanMode !== 'Never')
    throw refusal('CALICO_IPV4POOL_VXLAN', text('CALICO_IPV4POOL_VXLAN')!, 'a pool has IPIP or VXLAN, not both');
  return {
    cidr,
    blockSize,
    ipipMode,
    vxlanMode,
    natOutgoing: isTrue('CALICO_IPV4POOL_NAT_OUTGOING', text('CALICO_IPV4POOL_NAT_OUTGOING'), true),
    nodeSelector: text('CALICO_IPV4POOL_NODE_SELECTOR') ?? 'all()',
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

function addressOrMethod(ip: string | undefined, method: string | undefined): CalicoSettings['ip'] {
  if (ip && ip !== 'autodetect') return addressOf('IP', ip.split('/')[0])!;
  return autodetectionOf(method ?? 'first-found');
}

/** `first-found`, `can-reach=192.0.2.1`, `interface=eth.*,ens160`, `skip-interface=…`, `cidr=…`, `kubernetes-internal-ip`. */
function autodetectionOf(text: string): Autodetection {
  const name = 'IP_AUTODETECTION_METHOD';
  const [, method = '', rest = ''] = /^([a-z-]+)(?:=(.*))?$/i.exec(text) ?? [];
  const parts = rest
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  if (method === 'first-found' || method === 'kubernetes-internal-ip') return { method };
  if (parts.length > 0 && (method === 'interface' || method === 'skip-interface'))
    return { method, patterns: parts.map((part) => patternOf(name, part)) };
  if (parts.length === 1 && method === 'can-reach') return { method, destination: parts[0]! };
  if (parts.length > 0 && method === 'cidr' && parts.every((part) => parseCidr(part))) return { method, cidrs: parts };
  throw refusal(
    name,
    text,
    'must be first-found, can-reach=DESTINATION, interface=REGEX, skip-interface=REGEX, cidr=CIDR or kubernetes-internal-ip',
  );
}

function patternOf(name: string, text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw refusal(name, text, (cause as Error).message);
  }
}

function addressOf(name: string, text: string | undefined): string | undefined {
  if (text !== undefined && parseIp(text)?.family !== 4) throw refusal(name, text, 'must be an address of IPv4');
  return text;
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
  const others = given.filter((name) => !KNOWN.has(name) && !stores.includes(name) && name !== 'DATASTORE_TYPE').sort();
  return [
    ...(stores.length > 0 ? [`${stores.sort().join(', ')}: no effect, everything is kept in the Kubernetes API`] : []),
    ...(isTrue('FELIX_IPV6SUPPORT', environment['FELIX_IPV6SUPPORT']?.trim() || undefined, false)
      ? ['FELIX_IPV6SUPPORT=true: routes of IPv6 are not supported; policies hold for addresses of both families as they are']
      : []),
    ...(others.length > 0 ? [`${others.join(', ')}: no effect here`] : []),
  ];
}

const refusal = (name: string, value: string, why: string) =>
  new CodedError(`${name}=${JSON.stringify(value)}: ${why}`, { code: 'CALICO_SETTINGS_INVALID' });
