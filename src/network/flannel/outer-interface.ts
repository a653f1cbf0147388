import { isIPv4 } from 'node:net';
import type { NetworkInterface } from '../../host/network-interfaces.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface InterfaceWish {
  /** Names or addresses, the first that is there. */
  readonly interfaces: readonly string[];
  /** Of names or addresses; asked when none of `interfaces` is there. */
  readonly patterns: readonly RegExp[];
  /** What other nodes are told, when it is not the interface's own address. */
  readonly publicIp: string | undefined;
}

export interface OuterInterface {
  readonly device: string;
  /** Its own address, which packets leave with. */
  readonly ip: string;
  /** What other nodes send to. */
  readonly publicIp: string;
  readonly mtu: number;
  /** Its addresses with their prefixes. */
  readonly linkCidrs: readonly string[];
}

/**
 * The interface to other nodes, as flanneld chooses it. Pure.
 *
 * @param usual that of the default route, or of the route to what --iface-can-reach names
 * @throws CodedError INTERFACE_MISSING
 */
export function chooseInterface(
  all: readonly NetworkInterface[],
  { interfaces, patterns, publicIp }: InterfaceWish,
  usual: string | undefined,
): OuterInterface {
  for (const wish of interfaces) {
    const found = all.find(({ name, addresses }) => name === wish || addresses.some(({ ip }) => ip === wish));
    if (found) return outer(found, isIPv4(wish) ? wish : undefined, publicIp);
  }
  for (const pattern of patterns)
    for (const candidate of all) {
      const address = candidate.addresses.find(({ ip }) => pattern.test(ip));
      if (address || pattern.test(candidate.name)) return outer(candidate, address?.ip, publicIp);
    }
  if (interfaces.length > 0 || patterns.length > 0)
    throw missing(
      `Could not find valid interface matching ${[...interfaces, ...patterns.map((pattern) => pattern.source)].join(', ')}`,
    );
  if (usual === undefined) throw missing('Unable to find default route; --iface names the interface to other nodes');
  const found = all.find(({ name }) => name === usual);
  if (!found) throw missing(`there is no interface ${usual}`);
  return outer(found, undefined, publicIp);
}

function outer(
  { name, mtu, addresses }: NetworkInterface,
  wanted: string | undefined,
  publicIp: string | undefined,
): OuterInterface {
  const ip = wanted ?? (addresses.find(({ scope }) => scope === 'global') ?? addresses[0])?.ip;
  if (ip === undefined) throw missing(`failed to find IPv4 address for interface ${name}`);
  return {
    device: name,
    ip,
    publicIp: publicIp ?? ip,
    mtu,
    linkCidrs: addresses.map((address) => `${address.ip}/${address.prefix}`),
  };
}

const missing = (message: string) => new CodedError(message, { code: 'INTERFACE_MISSING' });
