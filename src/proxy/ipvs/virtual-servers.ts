import type { Family } from '../../api/machinery/ip.ts';
import type { Protocol } from '../plan/service-port.ts';

/** What connections to an address and a port are led by: an IPVS service, with its real servers. */
export interface VirtualServer {
  readonly protocol: Protocol;
  readonly ip: string;
  readonly port: number;
  readonly scheduler: string;
  /** How long a client stays with its server; 0: it does not. */
  readonly persistentSeconds: number;
  /** `10.244.1.7:8080`, with what the kernel tells of each; wanted ones have a weight of 1. */
  readonly servers: ReadonlyMap<string, RealServer>;
}

export interface RealServer {
  readonly weight: number;
  /** Of the kernel: open and recently closed connections. */
  readonly connections: number;
}

/** By `tcp 10.96.0.1:80`. */
export type VirtualServers = ReadonlyMap<string, VirtualServer>;

const addressText = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);

/** `tcp 10.96.0.1:80`. */
export const keyOf = ({ protocol, ip, port }: Pick<VirtualServer, 'protocol' | 'ip' | 'port'>): string =>
  `${protocol} ${addressText(ip, port)}`;

const SERVICE = /^(TCP|UDP|SCTP) +\[?([0-9a-f.:]+?)\]?:(\d+) (\S+)(?: .*?persistent (\d+))?/;
const SERVER = /^ {2}-> (\S+):(\d+) +\S+ +(\d+) +(\d+) +(\d+)/;

/** Reads what `ipvsadm --list --numeric` prints: the services of a family. Those by firewall mark are somebody else's. */
export function parseVirtualServers(text: string, family: Family): Map<string, VirtualServer> {
  const services = new Map<string, VirtualServer>();
  let servers: Map<string, RealServer> | undefined;
  for (const line of text.split('\n')) {
    const [, ip, port, weight, active, inactive] = SERVER.exec(line) ?? [];
    if (ip !== undefined) {
      servers?.set(`${ip}:${port}`, { weight: Number(weight), connections: Number(active) + Number(inactive) });
      continue;
    }
    servers = undefined;
    const [, protocol, address, servicePort, scheduler, persistent] = SERVICE.exec(line) ?? [];
    if (!protocol || !address || !scheduler || address.includes(':') !== (family === 6)) continue;
    servers = new Map();
    const service: VirtualServer = {
      ...{ protocol: protocol.toLowerCase() as Protocol, ip: address, port: Number(servicePort), scheduler, servers },
      persistentSeconds: Number(persistent ?? 0),
    };
    services.set(keyOf(service), service);
  }
  return services;
}

export interface VirtualServerChanges {
  /** For `ipvsadm --restore`: services and servers that are new, other or gone. */
  readonly changes: readonly string[];
  /** The same: services that are gone, once nobody comes to their addresses any more. */
  readonly deletions: readonly string[];
  /** The servers that take no new connections and wait for their last ones to end: `tcp 10.96.0.1:80 10.244.1.7:8080`. */
  readonly draining: ReadonlySet<string>;
}

/**
 * The way from what the kernel has to what is wanted. A server of TCP that goes keeps the connections that it has: its weight becomes
 * 0, and it is removed when none is left; others go at once (upstream's graceful termination). One that comes back keeps them too.
 *
 * @param current all that is ours, and no other's
 */
export function planVirtualServers(current: VirtualServers, next: VirtualServers): VirtualServerChanges {
  const changes: string[] = [];
  const draining = new Set<string>();
  for (const [key, wanted] of next) {
    const known = current.get(key);
    const service = optionsOf(wanted);
    const settings = settingsOf(wanted);
    if (known === undefined) changes.push(`-A ${service} ${settings}`);
    else if (settingsOf(known) !== settings) changes.push(`-E ${service} ${settings}`);
    for (const server of wanted.servers.keys()) {
      const before = known?.servers.get(server);
      if (before?.weight !== 1) changes.push(`${before ? '-e' : '-a'} ${service} -r ${server} -m -w 1`);
    }
    for (const [server, { weight, connections }] of known?.servers ?? []) {
      if (wanted.servers.has(server)) continue;
      if (wanted.protocol !== 'tcp' || connections === 0) changes.push(`-d ${service} -r ${server}`);
      else {
        if (weight !== 0) changes.push(`-e ${service} -r ${server} -m -w 0`);
        draining.add(`${key} ${server}`);
      }
    }
  }
  const gone = [...current].filter(([key]) => !next.has(key));
  return { changes, deletions: gone.map(([, service]) => deletionOf(service)), draining };
}

/** Whether a service that stays loses a server of TCP, whose connections matter then. */
export const losesServers = (previous: VirtualServers, next: VirtualServers): boolean =>
  [...next].some(([key, wanted]) => {
    const known = wanted.protocol === 'tcp' ? previous.get(key)?.servers : undefined;
    return known !== undefined && known !== wanted.servers && [...known.keys()].some((server) => !wanted.servers.has(server));
  });

/** The same services without some servers: `tcp 10.96.0.1:80 10.244.1.7:8080`. */
export function withoutServers(services: VirtualServers, left: ReadonlySet<string>): VirtualServers {
  if (left.size === 0) return services;
  return new Map(
    [...services].map(([key, service]) => {
      const servers = new Map([...service.servers].filter(([server]) => !left.has(`${key} ${server}`)));
      return [key, { ...service, servers }];
    }),
  );
}

/** For `ipvsadm --restore`. */
export const deletionOf = (service: VirtualServer): string => `-D ${optionsOf(service)}`;

const SERVICE_OPTIONS: Readonly<Record<Protocol, string>> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };

const optionsOf = ({ protocol, ip, port }: VirtualServer): string => `${SERVICE_OPTIONS[protocol]} ${addressText(ip, port)}`;

/** Maglev hashing takes the client's port in, as upstream has it: else all connections of a client go to one server. */
function settingsOf({ scheduler, persistentSeconds }: VirtualServer): string {
  return `-s ${scheduler}${persistentSeconds > 0 ? ` -p ${persistentSeconds}` : ''}${scheduler === 'mh' ? ' -b mh-port' : ''}`;
}
