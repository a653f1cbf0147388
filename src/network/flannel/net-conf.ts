import { type Family, formatCidr, parseCidr } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface VxlanBackend {
  readonly type: 'vxlan';
  readonly vni: number;
  /** UDP. */
  readonly port: number;
  readonly groupBasedPolicy: boolean;
  readonly learning: boolean;
  /** Nodes on one link are reached by plain routes. */
  readonly directRouting: boolean;
  /** Of the interface to other nodes, when it is not to be read from it. */
  readonly mtu?: number;
}

export type Backend =
  | VxlanBackend
  | { readonly type: 'host-gw' }
  | { readonly type: 'ipip'; readonly directRouting: boolean }
  /** Ranges are told, and nothing is done to lead packets there. */
  | { readonly type: 'alloc' };

export type BackendType = Backend['type'];

/** The range of the pods of all nodes, of one family. */
export interface FamilyNetwork {
  readonly family: Family;
  /** Canonical. */
  readonly cidr: string;
}

/** What `net-conf.json` says (flannel's Documentation/configuration.md). */
export interface NetConf {
  /** One, or one of each family, IPv4 first. */
  readonly networks: readonly FamilyNetwork[];
  readonly backend: Backend;
  /** What is said and changes nothing, in words. */
  readonly warnings: readonly string[];
}

/** The kernel's own, from before there was a standard (RFC 7348 has 4789). */
export const VXLAN_PORT = 8472;
const LARGEST_VNI = 0xff_ff_ff;
const LARGEST_CONFIGURATION = 1 << 20;

/** Why a backend that flannel has is not here. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['udp', 'it sends every packet through a program, and is for debugging where the kernel has nothing better; use vxlan'],
  ['wireguard', 'keys and devices of WireGuard are not kept; use vxlan, or host-gw'],
  ['ipsec', 'it needs strongSwan; use vxlan, or host-gw'],
  ['ali-vpc', 'it writes routes by the API of Alibaba Cloud; use vxlan, which runs in a VPC as well'],
  ['alivpc', 'it writes routes by the API of Alibaba Cloud; use vxlan, which runs in a VPC as well'],
  ['aws-vpc', 'it writes routes by the API of AWS; use vxlan, which runs in a VPC as well'],
  ['gce', 'it writes routes by the API of Google Cloud; use vxlan, which runs there as well'],
  ['tencent-vpc', 'it writes routes by the API of Tencent Cloud; use vxlan, which runs in a VPC as well'],
  ['extension', 'it runs programs that the configuration names; use vxlan, or host-gw'],
]);

/** With ranges from the Nodes, nothing is chosen from these. */
const WITHOUT_EFFECT = [
  ...['subnetlen', 'subnetmin', 'subnetmax', 'ipv6subnetlen', 'ipv6subnetmin', 'ipv6subnetmax'],
  'enablenftables',
];
const KNOWN = ['network', 'ipv6network', 'backend', 'enableipv4', 'enableipv6', ...WITHOUT_EFFECT];

/**
 * Reads it; keys in any case, as Go reads them.
 *
 * @throws CodedError NET_CONF_INVALID that names the key and what may be there
 */
export function parseNetConf(text: string): NetConf {
  const keys = readKeys(text);
  for (const key of keys.names()) if (!KNOWN.includes(key.toLowerCase())) throw invalid(`${quote(key)} is no key of it`);
  const given = keys.value('Backend') ?? {};
  if (!isRecord(given)) throw invalid('Backend must be an object');
  const networks = [
    ...(keys.boolean('EnableIPv4', true) ? [parseNetwork(keys, 'Network', 4)] : []),
    ...(keys.boolean('EnableIPv6', false) ? [parseNetwork(keys, 'IPv6Network', 6)] : []),
  ];
  if (networks.length === 0) throw invalid('EnableIPv4 or EnableIPv6 must be true');
  const backend = parseBackend(new Keys(given, 'Backend.'));
  if (backend.type === 'ipip' && networks.some(({ family }) => family === 6))
    throw invalid('EnableIPv6 is not supported with the backend ipip; use vxlan, or host-gw');
  return {
    networks,
    backend,
    warnings: [
      ...WITHOUT_EFFECT.filter((key) => keys.has(key)).map((key) =>
        key === 'enablenftables'
          ? 'EnableNFTables changes nothing: the masquerading rules are tables of nftables always'
          : `${key} changes nothing: a node's range is what its Node object says (podCIDR)`,
      ),
      ...(keys.has('IPv6Network') && !keys.boolean('EnableIPv6', false)
        ? ['IPv6Network changes nothing without "EnableIPv6": true']
        : []),
    ],
  };
}

function parseNetwork(keys: Keys, name: 'Network' | 'IPv6Network', family: Family): FamilyNetwork {
  const text = keys.text(name);
  const range = text === undefined ? undefined : parseCidr(text);
  if (range?.address.family === family) return { family, cidr: formatCidr(range) };
  const example = family === 4 ? '10.244.0.0/16' : 'fd00:10:244::/56';
  throw invalid(`${name} must be an IPv${family} CIDR (${example}), not ${quote(text)}`);
}

function parseBackend(keys: Keys): Backend {
  const type = (keys.text('Type') ?? 'vxlan').toLowerCase();
  const only = (...names: string[]) => {
    for (const key of keys.names())
      if (!['type', ...names.map((name) => name.toLowerCase())].includes(key.toLowerCase()))
        throw invalid(`Backend.${key} is no key of the backend ${type}`);
  };
  switch (type) {
    case 'vxlan': {
      only('VNI', 'Port', 'GBP', 'Learning', 'DirectRouting', 'MTU');
      const mtu = keys.number('MTU', 0, 576, 65_535);
      return {
        type,
        vni: keys.number('VNI', 1, 1, LARGEST_VNI),
        port: keys.number('Port', 0, 1, 65_535) || VXLAN_PORT,
        groupBasedPolicy: keys.boolean('GBP', false),
        learning: keys.boolean('Learning', false),
        directRouting: keys.boolean('DirectRouting', false),
        ...(mtu > 0 && { mtu }),
      };
    }
    case 'ipip':
      only('DirectRouting');
      return { type, directRouting: keys.boolean('DirectRouting', false) };
    case 'host-gw':
    case 'alloc':
      only();
      return { type };
    default: {
      const why = REFUSED.get(type);
      throw invalid(
        why === undefined
          ? `there is no backend ${quote(type)}; there are vxlan, host-gw, ipip and alloc`
          : `the backend ${type} is not supported: ${why}`,
      );
    }
  }
}

/** The keys of an object, in any case. */
class Keys {
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #names: readonly string[];
  readonly #path: string;

  constructor(object: Readonly<Record<string, unknown>>, path = '') {
    this.#path = path;
    this.#names = Object.keys(object);
    this.#values = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
  }

  names(): readonly string[] {
    return this.#names;
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** Null is what is not there. */
  value(name: string): unknown {
    return this.#values.get(name.toLowerCase()) ?? undefined;
  }

  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'string') return value;
    throw invalid(`${this.#path}${name} must be a string, not ${quote(value)}`);
  }

  boolean(name: string, otherwise: boolean): boolean {
    const value = this.value(name) ?? otherwise;
    if (typeof value === 'boolean') return value;
    throw invalid(`${this.#path}${name} must be true or false, not ${quote(value)}`);
  }

  /** `otherwise` also for 0, which is Go's way to say nothing. */
  number(name: string, otherwise: number, least: number, most: number): number {
    const value = this.value(name) ?? 0;
    if (value === 0) return otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw invalid(`${this.#path}${name} must be a whole number from ${least} to ${most}, not ${quote(value)}`);
  }
}

function readKeys(text: string): Keys {
  if (text.length > LARGEST_CONFIGURATION) throw invalid(`it is longer than ${LARGEST_CONFIGURATION} characters`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw invalid(`it is no JSON: ${(cause as Error).message}`, cause);
  }
  if (!isRecord(parsed)) throw invalid('it must be an object');
  return new Keys(parsed);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const quote = (value: unknown) => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 100));
const invalid = (what: string, cause?: unknown) => new CodedError(`net-conf.json: ${what}`, { code: 'NET_CONF_INVALID', cause });
