import { NODE_PORT_SETS } from './chains.ts';
import { type SetEntries, type SetName, serviceEntry } from './sets.ts';
import type { VirtualServer, VirtualServers } from './virtual-servers.ts';

export interface OwnershipMarks {
  /** Of `kube-ipvs0`. */
  readonly addresses: ReadonlySet<string>;
  readonly sets: SetEntries;
  readonly hostAddresses: readonly string[];
  /** Whether `excludeCIDRs` hold an address. */
  readonly isExcluded: (ip: string) => boolean;
  /** The services that are wanted now: they become ours when somebody else has made them. */
  readonly wanted?: VirtualServers;
}

/** Sets of addresses of Services, wherever they are bound. */
const SERVICE_SETS: readonly SetName[] = [
  ...(['KUBE-CLUSTER-IP', 'KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL', 'KUBE-LOAD-BALANCER'] as const),
];

/**
 * The services that some run of ours, or of upstream's proxy, has made: by their addresses on our device, and by the sets, which have
 * all others, node ports too. What keepalived and people have made stays theirs, whether `excludeCIDRs` names it or not. Pure.
 */
export function ownServices(all: VirtualServers, marks: OwnershipMarks): VirtualServers {
  return new Map([...all].filter(([key, service]) => marks.wanted?.has(key) || isOwn(service, marks)));
}

function isOwn({ ip, protocol, port }: VirtualServer, { addresses, sets, hostAddresses, isExcluded }: OwnershipMarks): boolean {
  if (isExcluded(ip)) return false;
  const has = (name: SetName, entry: string) => sets.get(name)?.has(entry) === true;
  const entry = serviceEntry(ip, protocol, port);
  if (addresses.has(ip) || SERVICE_SETS.some((name) => has(name, entry))) return true;
  const [, nodePorts] = NODE_PORT_SETS[protocol];
  return has(nodePorts, protocol === 'sctp' ? entry : String(port)) && (protocol === 'sctp' || hostAddresses.includes(ip));
}
