import { createHash } from 'node:crypto';
import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import type { NetworkInterface } from '../../host/network-interfaces.ts';
import type { Forwarding, PodRoute } from '../flannel/forwarding-plan.ts';
import type { TunnelDevice } from '../flannel/tunnel-device.ts';
import { isInPool } from './address-blocks.ts';
import { FAMILY_ANNOTATIONS, isInNetworkOf } from './bgp-plan.ts';
import type { BlockAffinity } from './calico-kinds.ts';
import { addressBits, plainCidr, plainIp } from './plain-address.ts';
import type { EncapsulationMode } from './settings.ts';

/** As Felix calls them. */
export const VXLAN_DEVICES = { 4: 'vxlan.calico', 6: 'vxlan-v6.calico' } as const;
const MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

export interface VxlanSettings {
  readonly vni: number;
  /** UDP. */
  readonly port: number;
  readonly mtu: number;
}

export interface VxlanPool {
  readonly cidr: string;
  readonly vxlanMode: EncapsulationMode;
}

/** Of the device of a node, from its name: the same after each start, and another than the other nodes' and the other family's. */
export function tunnelMac(nodeName: string, family: Family = 4): string {
  const bytes = createHash('sha256')
    .update(`vxlan${family === 4 ? '' : '6'} ${nodeName}`)
    .digest()
    .subarray(0, 5);
  return ['66', ...[...bytes].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

/**
 * The device as it must be. Pure.
 *
 * @param address of the node's own pool, which answers to its packets come back to
 */
export function planVxlanDevice(
  { vni, port, mtu }: VxlanSettings,
  { device, ip }: { readonly device: string; readonly ip: string },
  { nodeName, address, family = 4 }: { readonly nodeName: string; readonly address: string; readonly family?: Family },
): TunnelDevice {
  return {
    ...{ name: VXLAN_DEVICES[family], family, mtu, address: `${address}/${addressBits(family)}` },
    create: [
      ...['address', tunnelMac(nodeName, family), 'type', 'vxlan', 'id', String(vni), 'local', ip, 'dev', device],
      ...['dstport', String(port), 'nolearning'],
    ],
    fits: ({ kind, data }: NetworkInterface) =>
      kind === 'vxlan' &&
      data['id'] === vni &&
      data[family === 4 ? 'local' : 'local6'] === ip &&
      data['link'] === device &&
      data['port'] === port &&
      data['learning'] === false,
  };
}

export interface VxlanObjects {
  readonly nodeName: string;
  /** IPv4 when not given. */
  readonly family?: Family;
  /** With the length of its network: `192.168.20.31/24`. */
  readonly address: string;
  /** The interface that has it. */
  readonly device: string;
  readonly pools: readonly VxlanPool[];
  readonly nodes: readonly V1Node[];
  readonly affinities: readonly BlockAffinity[];
}

export interface VxlanPlan extends Forwarding {
  /** Nodes whose blocks are not reached, and why. */
  readonly problems: readonly string[];
}

/** What the kernel is to have for other nodes' blocks of pools with vxlan. What nodes say of themselves ends up in commands: all of it is read. Pure. */
export function planVxlan({ nodeName, family = 4, address, device, pools, nodes, affinities }: VxlanObjects): VxlanPlan {
  const wanted = pools.filter(({ vxlanMode }) => vxlanMode !== 'Never');
  const routes: PodRoute[] = [];
  const problems: string[] = [];
  const peers = new Map<string, { readonly ip: string; readonly mac: string; readonly to: string }>();
  const taken = new Set<string>();
  const named = new Map(nodes.map((node) => [node.metadata?.name ?? '', node]));
  const sorted = affinities.flatMap(({ spec }) => {
    const block = plainCidr(spec?.cidr, family);
    return block === undefined || spec?.node === undefined || spec.node === nodeName ? [] : { block, owner: spec.node };
  });
  for (const { block, owner } of sorted.sort((a, b) => (a.block < b.block ? -1 : 1))) {
    const pool = wanted.find((one) => isInPool(one, block));
    if (!pool) continue;
    const told = tunnelOf(named.get(owner), family);
    if (!told) {
      problems.push(`node ${JSON.stringify(owner)} has not said where it is: its block ${block} is not reached`);
      continue;
    }
    if (pool.vxlanMode === 'CrossSubnet' && isInNetworkOf(address, told.to)) {
      routes.push({ to: block, via: told.to, device, onLink: true });
      continue;
    }
    const { ip, mac, to } = told;
    if (ip === undefined || mac === undefined) {
      problems.push(
        `node ${JSON.stringify(owner)} has not said the addresses of its vxlan device: its block ${block} is not reached`,
      );
      continue;
    }
    if (!peers.has(owner) && (taken.has(ip) || taken.has(mac))) {
      problems.push(
        `node ${JSON.stringify(owner)} says addresses of its vxlan device that another has: its block ${block} is not reached`,
      );
      continue;
    }
    taken.add(ip).add(mac);
    peers.set(owner, { ip, mac, to });
    routes.push({ to: block, via: ip, device: VXLAN_DEVICES[family], onLink: true });
  }
  const all = [...peers.values()];
  return {
    routes,
    neighbours: all.map(({ ip, mac }) => ({ ip, mac })),
    tunnels: all.map(({ mac, to }) => ({ mac, to })),
    problems: [...new Set(problems)],
  };
}

function tunnelOf(node: V1Node | undefined, family: Family) {
  const names = FAMILY_ANNOTATIONS[family];
  const annotations = new Map(Object.entries(node?.metadata?.annotations ?? {}));
  const to = plainIp(annotations.get(names.address)?.split('/')[0], family);
  const mac = annotations.get(names.vxlanMac)?.toLowerCase() ?? '';
  if (to === undefined) return undefined;
  return { to, ip: plainIp(annotations.get(names.vxlanAddress), family), mac: MAC.test(mac) ? mac : undefined };
}
