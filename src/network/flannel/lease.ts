import type { V1Node } from '../../api/gen/types.ts';
import { type Family, formatCidr, formatIp, parseCidr, parseIp } from '../../api/machinery/ip.ts';
import type { BackendType } from './net-conf.ts';
import { isWithin, spanOf } from './taken-ranges.ts';

/** What a node tells the others of one family, by annotations of its Node object (flannel's pkg/subnet/kube/annotations.go). */
export interface Lease {
  readonly nodeName: string;
  /** The node's pod range, canonical. */
  readonly subnet: string;
  /** Where other nodes send what is for it. */
  readonly publicIp: string;
  readonly backendType: string;
  /** Of the node's vxlan device. */
  readonly vxlan?: { readonly vni: number | undefined; readonly mac: string };
}

export const DEFAULT_ANNOTATION_PREFIX = 'flannel.alpha.coreos.com';
/** Locally administered or not, but never a group's. */
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

/** Annotations that each family has for itself. */
const NAMES = {
  4: { publicIp: 'public-ip', overwrite: 'public-ip-overwrite', data: 'backend-data' },
  6: { publicIp: 'public-ipv6', overwrite: 'public-ipv6-overwrite', data: 'backend-v6-data' },
} as const;

/** The node's own pod range, canonical; undefined as long as it has none of the family. */
export function podRangeOf({ spec }: V1Node, family: Family): string | undefined {
  for (const cidr of spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : [])) {
    const range = parseCidr(cidr);
    if (range?.address.family === family) return formatCidr(range);
  }
  return undefined;
}

/** Whether `inner` lies in `outer`; false for what is no CIDR. */
export function isRangeInside(inner: string, outer: string): boolean {
  const [part, whole] = [spanOf(inner), spanOf(outer)];
  return part !== undefined && whole !== undefined && isWithin(part, whole);
}

/**
 * What a node has told; undefined for one that has told nothing, or nothing that could be used: every node may write what it likes on its
 * own object, and it ends up in commands.
 */
export function leaseOf(node: V1Node, prefix: string, family: Family): Lease | undefined {
  const annotations = new Map(Object.entries(node.metadata?.annotations ?? {}));
  const read = (name: string) => annotations.get(annotationName(prefix, name));
  if (read('kube-subnet-manager') !== 'true') return undefined;
  const subnet = podRangeOf(node, family);
  const address = parseIp(read(NAMES[family].publicIp) ?? '');
  const backendType = read('backend-type');
  if (subnet === undefined || address?.family !== family || address.leadingZeros || !backendType) return undefined;
  const vxlan = vxlanData(read(NAMES[family].data));
  return {
    nodeName: node.metadata?.name ?? '',
    subnet,
    publicIp: formatIp(address),
    backendType,
    ...(vxlan && { vxlan }),
  };
}

/** The device's address that the node told before, so that it comes back with it. */
export const storedVxlan = ({ metadata }: V1Node, prefix: string, family: Family): Lease['vxlan'] =>
  vxlanData(metadata?.annotations?.[annotationName(prefix, NAMES[family].data)]);

/** The annotation that says under which address others reach the node, over what it finds by itself. */
export const overwriteAnnotation = (prefix: string, family: Family): string => annotationName(prefix, NAMES[family].overwrite);

function vxlanData(data: string | undefined): Lease['vxlan'] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data ?? 'null');
  } catch {
    return undefined; // somebody else's words
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { VNI: vni, VtepMAC: mac } = parsed as { VNI?: unknown; VtepMAC?: unknown };
  if (typeof mac !== 'string' || !MAC.test(mac.toLowerCase())) return undefined;
  return { vni: typeof vni === 'number' ? vni : undefined, mac: mac.toLowerCase() };
}

export interface OwnLease {
  readonly family: Family;
  readonly publicIp: string;
  readonly backendType: BackendType;
  readonly vxlan?: { readonly vni: number; readonly mac: string };
}

/** The annotations that tell it. */
export function leaseAnnotations(
  { family, publicIp, backendType, vxlan }: OwnLease,
  prefix: string,
): Readonly<Record<string, string>> {
  const values = {
    [NAMES[family].data]: vxlan ? JSON.stringify({ VNI: vxlan.vni, VtepMAC: vxlan.mac }) : 'null',
    'backend-type': backendType,
    'kube-subnet-manager': 'true',
    [NAMES[family].publicIp]: publicIp,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [annotationName(prefix, name), value]));
}

/** `flannel.alpha.coreos.com/public-ip`; a prefix that has a slash already goes on with a dash, as upstream. */
export function annotationName(prefix: string, name: string): string {
  if (!prefix.includes('/')) return `${prefix}/${name}`;
  return prefix.endsWith('/') || prefix.endsWith('-') ? `${prefix}${name}` : `${prefix}-${name}`;
}
