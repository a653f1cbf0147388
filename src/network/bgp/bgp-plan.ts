import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { BgpConfiguration, BgpPeer } from './calico-kinds.ts';
import { parseNodeSelector } from './node-selector.ts';
import { familyOf, plainCidr, plainIp } from './plain-address.ts';

/** What a node tells of itself, by annotations under Calico's names. */
export const ANNOTATIONS = {
  tunnelAddress: 'projectcalico.org/IPv4IPIPTunnelAddr',
  asNumber: 'projectcalico.org/ASNumber',
  /** Who has it is a route reflector. */
  clusterId: 'projectcalico.org/RouteReflectorClusterID',
} as const;

export interface FamilyAnnotations {
  /** With the length of its network: `192.168.20.31/24`. */
  readonly address: string;
  readonly vxlanAddress: string;
  readonly vxlanMac: string;
}

/** Likewise, of one family. */
export const FAMILY_ANNOTATIONS: Readonly<Record<Family, FamilyAnnotations>> = {
  4: {
    address: 'projectcalico.org/IPv4Address',
    vxlanAddress: 'projectcalico.org/IPv4VXLANTunnelAddr',
    vxlanMac: 'projectcalico.org/VXLANTunnelMACAddr',
  },
  6: {
    address: 'projectcalico.org/IPv6Address',
    vxlanAddress: 'projectcalico.org/IPv6VXLANTunnelAddr',
    vxlanMac: 'projectcalico.org/VXLANTunnelMACAddrV6',
  },
};

/** Of private use (RFC 6996), as Calico has it. */
export const DEFAULT_AS = 64_512;

export interface BgpNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly asNumber: number;
  readonly clusterId: string | undefined;
}

export interface PlannedPeer {
  /** Of the protocol in BIRD, as calico-node calls it: `Mesh_192_168_20_32`, `Mesh_fd00__32`. */
  readonly name: string;
  readonly address: string;
  readonly asNumber: number;
  /** Set where this node reflects routes to the peer. */
  readonly clusterId: string | undefined;
}

export interface BgpPlan {
  readonly asNumber: number;
  readonly peers: readonly PlannedPeer[];
  /** Everybody else's address, whether a peer or behind a route reflector. */
  readonly otherAddresses: readonly string[];
  /** What could not be used, and why. */
  readonly problems: readonly string[];
}

export interface BgpObjects {
  readonly nodeName: string;
  /** Of the addresses between which sessions are; IPv4 when not given. */
  readonly family?: Family;
  readonly nodes: readonly V1Node[];
  /** The one called `default`. */
  readonly configuration: BgpConfiguration | undefined;
  readonly peers: readonly BgpPeer[];
}

/** The sessions that a node keeps between addresses of one family, which tell of routes of it: with each other node unless the mesh is switched off, and with those that BGPPeers name. */
export function planBgp({ nodeName, family = 4, nodes, configuration, peers }: BgpObjects): BgpPlan {
  const clusterAs = configuration?.spec?.asNumber ?? DEFAULT_AS;
  const known = nodes.flatMap((node) => bgpNode(node, family, clusterAs) ?? []);
  const self = known.find(({ name }) => name === nodeName);
  if (!self) return { asNumber: clusterAs, peers: [], otherAddresses: [], problems: [] };
  const others = known.filter(({ name }) => name !== nodeName);
  const found = new Map<string, PlannedPeer>();
  const problems: string[] = [];
  const add = (kind: string, { address, asNumber, clusterId }: Pick<BgpNode, 'address' | 'asNumber' | 'clusterId'>) => {
    if (found.has(address)) return;
    const reflects = self.clusterId !== undefined && self.clusterId !== clusterId && asNumber === self.asNumber;
    const name = `${kind}_${address.replace(/[.:]/g, '_')}`;
    found.set(address, { name, address, asNumber, clusterId: reflects ? self.clusterId : undefined });
  };
  // Route reflectors are no part of the mesh.
  if ((configuration?.spec?.nodeToNodeMeshEnabled ?? true) && self.clusterId === undefined)
    for (const other of others) if (other.clusterId === undefined) add('Mesh', other);
  for (const peer of [...peers].sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))) {
    try {
      for (const [kind, one] of sessionsOf(peer, self, others)) add(kind, one);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      problems.push(`BGPPeer ${JSON.stringify(peer.metadata?.name)}: ${error.message}`);
    }
  }
  return {
    asNumber: self.asNumber,
    peers: [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    otherAddresses: others.map(({ address }) => address).sort(),
    problems,
  };
}

type Session = readonly [kind: string, peer: Pick<BgpNode, 'address' | 'asNumber' | 'clusterId'>];

/** Those that a BGPPeer asks of this node: to an address, to nodes, or, when this node is the one that others are to speak to, back to them. */
function sessionsOf({ spec = {} }: BgpPeer, self: BgpNode, others: readonly BgpNode[]): Session[] {
  const unsupported = ['password', 'sourceAddress', 'filters', 'maxRestartTime', 'ttlSecurity', 'localASNumber'] as const;
  for (const field of unsupported)
    if (spec[field] !== undefined) throw new CodedError(`spec.${field} is not supported`, { code: 'BGP_PEER_UNSUPPORTED' });
  const kind = spec.node || spec.nodeSelector ? 'Node' : 'Global';
  const isFor = spec.node
    ? ({ name }: BgpNode) => name === spec.node
    : ({ labels }: BgpNode) => parseNodeSelector(spec.nodeSelector ?? '')(labels);
  if (spec.peerSelector !== undefined && spec.peerSelector !== '') {
    const isPeer = parseNodeSelector(spec.peerSelector);
    const there = isFor(self) ? others.filter(({ labels }) => isPeer(labels)) : [];
    const back = isPeer(self.labels) ? others.filter(isFor) : [];
    return [...there, ...back].map((node) => [kind, node]);
  }
  const address = plainIp(spec.peerIP, 4) ?? plainIp(spec.peerIP, 6);
  if (address === undefined)
    throw new CodedError(`spec.peerIP ${JSON.stringify(spec.peerIP)} is no address`, { code: 'BGP_PEER_UNSUPPORTED' });
  if (familyOf(address) !== familyOf(self.address)) return [];
  if (!isFor(self) || address === self.address) return [];
  const node = others.find((other) => other.address === address);
  return [[kind, node ?? { address, asNumber: spec.asNumber ?? self.asNumber, clusterId: undefined }]];
}

/** Undefined while a node has told nothing of itself. */
function bgpNode({ metadata }: V1Node, family: Family, clusterAs: number): BgpNode | undefined {
  const annotation = (name: string) =>
    metadata?.annotations && Object.hasOwn(metadata.annotations, name) ? metadata.annotations[name] : undefined;
  const address = plainIp(annotation(FAMILY_ANNOTATIONS[family].address)?.split('/')[0], family);
  if (address === undefined) return undefined;
  const own = Number(annotation(ANNOTATIONS.asNumber) ?? Number.NaN);
  return {
    name: metadata?.name ?? '',
    labels: metadata?.labels ?? {},
    address,
    asNumber: Number.isInteger(own) && own > 0 && own <= 0xffff_ffff ? own : clusterAs,
    clusterId: plainIp(annotation(ANNOTATIONS.clusterId)),
  };
}

/** Whether an address is in the network that an annotation of the form `192.168.20.31/24` names. */
export function isInNetworkOf(annotation: string, address: string): boolean {
  const length = annotation.split('/')[1];
  const family = familyOf(address);
  const network = plainCidr(annotation, family);
  return network !== undefined && network === plainCidr(`${address}/${length}`, family);
}
