import type { Lease } from './lease.ts';
import type { Backend } from './net-conf.ts';
import { type AddressSpan, isWithin, spanOf, spanOfAddress, TakenRanges } from './taken-ranges.ts';

/** A route to a node's pods. */
export interface PodRoute {
  /** A canonical CIDR. */
  readonly to: string;
  readonly via: string;
  readonly device: string;
  /** The gateway is there though no address says so. */
  readonly onLink: boolean;
}

/** What the kernel has, or shall have, to lead packets to other nodes' pods: of one family. */
export interface Forwarding {
  readonly routes: readonly PodRoute[];
  /** Addresses of the vxlan device's neighbours. */
  readonly neighbours: readonly { readonly ip: string; readonly mac: string }[];
  /** Behind which node a neighbour is (the device's forwarding database). */
  readonly tunnels: readonly { readonly mac: string; readonly to: string }[];
}

/** Where this node stands. */
export interface NodePlace {
  readonly nodeName: string;
  readonly subnet: string;
  readonly publicIp: string;
  /** The interface to other nodes. */
  readonly device: string;
  /** The addresses it has, with their prefixes: who is in one is on the same link. */
  readonly linkCidrs: readonly string[];
  /** The backend's own device. */
  readonly tunnelDevice?: string;
}

export interface ForwardingPlan extends Forwarding {
  /** Nodes that cannot be reached, and why. */
  readonly problems: readonly string[];
}

const NOTHING: ForwardingPlan = { routes: [], neighbours: [], tunnels: [], problems: [] };

/** What the leases of other nodes ask for. A lease that would take others' packets is left out, and said. Pure. */
export function planForwarding(
  { backend, network }: { readonly backend: Backend; readonly network: string },
  place: NodePlace,
  leases: readonly Lease[],
): ForwardingPlan {
  if (backend.type === 'alloc') return NOTHING;
  const problems: string[] = [];
  const routes: PodRoute[] = [];
  const neighbours: { ip: string; mac: string }[] = [];
  const tunnels: { mac: string; to: string }[] = [];
  const whole = spanOf(network);
  const links = place.linkCidrs.flatMap((cidr) => spanOf(cidr) ?? []);
  const taken = new TakenRanges();
  const own = spanOf(place.subnet);
  if (own) taken.take(place.subnet, own);
  const macs = new Set<string>();
  for (const lease of leases.toSorted((a, b) => (a.nodeName < b.nodeName ? -1 : 1))) {
    if (lease.nodeName === place.nodeName) continue;
    const refuse = (why: string) => problems.push(`node ${lease.nodeName} is not reached: ${why}`);
    const { subnet, publicIp } = lease;
    const span = spanOf(subnet);
    if (!span || !whole || !isWithin(span, whole)) {
      refuse(`its pod range ${subnet} is not in ${network}`);
      continue;
    }
    const clash = taken.take(subnet, span);
    if (clash !== undefined) refuse(`its pod range ${subnet} overlaps ${clash}, which is taken`);
    else if (publicIp === place.publicIp) refuse(`it says it is at ${publicIp}, which is this node's`);
    else if (lease.backendType !== backend.type)
      refuse(`its backend is ${JSON.stringify(lease.backendType)}, not ${backend.type}`);
    else {
      const isDirect = isOnLink(publicIp, links);
      if (backend.type === 'host-gw' || (backend.directRouting && isDirect)) {
        if (!isDirect) refuse(`${publicIp} is not on the link of ${place.device}, which host-gw needs`);
        else routes.push({ to: subnet, via: publicIp, device: place.device, onLink: false });
      } else if (backend.type === 'ipip') routes.push({ to: subnet, via: publicIp, device: tunnelOf(place), onLink: true });
      else if (!lease.vxlan) refuse('it has not said the address of its vxlan device');
      else if (lease.vxlan.vni !== undefined && lease.vxlan.vni !== backend.vni)
        refuse(`its VNI is ${lease.vxlan.vni}, not ${backend.vni}`);
      else if (macs.has(lease.vxlan.mac)) refuse(`the address ${lease.vxlan.mac} of its vxlan device is taken`);
      else {
        const gateway = firstAddress(subnet);
        macs.add(lease.vxlan.mac);
        neighbours.push({ ip: gateway, mac: lease.vxlan.mac });
        tunnels.push({ mac: lease.vxlan.mac, to: publicIp });
        routes.push({ to: subnet, via: gateway, device: tunnelOf(place), onLink: true });
      }
    }
  }
  return { routes, neighbours, tunnels, problems };
}

function tunnelOf({ tunnelDevice }: NodePlace): string {
  if (tunnelDevice === undefined) throw new Error('a tunnel has a device');
  return tunnelDevice;
}

export const firstAddress = (cidr: string): string => cidr.slice(0, cidr.indexOf('/'));

/** A link with a single address has nobody else on it. */
function isOnLink(ip: string, links: readonly AddressSpan[]): boolean {
  const address = spanOfAddress(ip);
  return address !== undefined && links.some((link) => link.last > link.first && isWithin(address, link));
}

/** Lines for `ip -batch` and `bridge -batch`. */
export interface ForwardingChanges {
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
}

/** Marks routes as ours (rtnetlink(7), rtm_protocol; numbers from 5 on are for programs). */
export const ROUTE_PROTOCOL = 96;

/** The way from what the kernel has to what it shall have; nothing of others is in either. Pure. */
export function forwardingChanges(
  actual: Forwarding,
  wanted: Forwarding,
  { tunnelDevice, learning = false }: { readonly tunnelDevice?: string; readonly learning?: boolean },
): ForwardingChanges {
  const ip: string[] = [];
  const bridge: string[] = [];
  const routes = new Set(actual.routes.map(routeText));
  const wantedTargets = new Set(wanted.routes.map(({ to }) => to));
  for (const route of actual.routes)
    if (!wantedTargets.has(route.to)) ip.push(`route delete ${route.to} proto ${ROUTE_PROTOCOL}`);
  const wantedNeighbours = new Set(wanted.neighbours.map((neighbour) => neighbour.ip));
  for (const neighbour of actual.neighbours)
    if (!wantedNeighbours.has(neighbour.ip)) ip.push(`neighbour delete ${neighbour.ip} dev ${tunnelDevice}`);
  const known = new Set(actual.neighbours.map((neighbour) => `${neighbour.ip} ${neighbour.mac}`));
  for (const neighbour of wanted.neighbours)
    if (!known.has(`${neighbour.ip} ${neighbour.mac}`))
      ip.push(`neighbour replace ${neighbour.ip} lladdr ${neighbour.mac} dev ${tunnelDevice} nud permanent`);
  // After the neighbours that they lead to.
  for (const route of wanted.routes) if (!routes.has(routeText(route))) ip.push(`route replace ${routeText(route)}`);
  const wantedTunnels = new Map(wanted.tunnels.map(({ mac, to }) => [mac, to]));
  const tunnels = new Map(actual.tunnels.map(({ mac, to }) => [mac, to]));
  // What the device has learnt by itself is its own affair.
  if (!learning)
    for (const { mac, to } of actual.tunnels)
      if (!wantedTunnels.has(mac)) bridge.push(`fdb delete ${mac} dev ${tunnelDevice} dst ${to} self`);
  for (const { mac, to } of wanted.tunnels)
    if (tunnels.get(mac) !== to) bridge.push(`fdb replace ${mac} dev ${tunnelDevice} dst ${to} self permanent`);
  return { ip, bridge };
}

const routeText = ({ to, via, device, onLink }: PodRoute) =>
  `${to} via ${via} dev ${device}${onLink ? ' onlink' : ''} proto ${ROUTE_PROTOCOL}`;
