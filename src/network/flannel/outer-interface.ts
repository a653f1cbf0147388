import { isIP } from 'node:net';
import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, type NetworkInterface } from '../../host/network-interfaces.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface InterfaceWish {
  /** Names or addresses, the first that is there. */
  readonly interfaces: readonly string[];
  /** Of names or addresses; asked when none of `interfaces` is there. */
  readonly patterns: readonly RegExp[];
  /** What other nodes are told of the family, when it is not the interface's own address. */
  readonly publicIp: string | undefined;
}

export interface OuterInterface {
  readonly family: Family;
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
 * The interface to other nodes, as flanneld chooses it, with its addresses of one family. Pure.
 *
 * @param family an address of the other one names an interface, too
 * @param usual that of the default route, or of the route to what --iface-can-reach names
 * @throws CodedError INTERFACE_MISSING
 */
export function chooseInterface(
  all: readonly NetworkInterface[],
  { interfaces, patterns, publicIp }: InterfaceWish,
  usual: string | undefined,
  family: Family = 4,
): OuterInterface {
  const both = (one: NetworkInterface) => [...one.addresses, ...one.addresses6];
  for (const wish of interfaces) {
    const found = all.find((one) => one.name === wish || both(one).some(({ ip }) => ip === wish));
    if (found) return outer(found, family, isIP(wish) === family ? wish : undefined, publicIp);
  }
  for (const pattern of patterns)
    for (const candidate of all) {
      const address = addressesOf(candidate, family).find(({ ip }) => pattern.test(ip));
      const isIt = address !== undefined || pattern.test(candidate.name) || both(candidate).some(({ ip }) => pattern.test(ip));
      if (isIt) return outer(candidate, family, address?.ip, publicIp);
    }
  if (interfaces.length > 0 || patterns.length > 0)
    throw missing(
      `Could not find valid interface matching ${[...interfaces, ...patterns.map((pattern) => pattern.source)].join(', ')}`,
    );
  if (usual === undefined) throw missing('Unable to find default route; --iface names the interface to other nodes');
  const found = all.find(({ name }) => name === usual);
  if (!found) throw missing(`there is no interface ${usual}`);
  return outer(found, family, undefined, publicIp);
}

function outer(face: NetworkInterface, family: Family, wanted: string | undefined, publicIp: string | undefined): OuterInterface {
  const { name, mtu } = face;
  // An address of the link alone is no place to send to without the link's name, which every node has its own of.
  const addresses = addressesOf(face, family).filter(({ scope }) => family === 4 || scope === 'global');
  const ip = wanted ?? (addresses.find(({ scope }) => scope === 'global') ?? addresses[0])?.ip;
  if (ip === undefined) throw missing(`failed to find IPv${family} address for interface ${name}`);
  return {
    family,
    device: name,
    ip,
    publicIp: publicIp ?? ip,
    mtu,
    linkCidrs: addresses.map((address) => `${address.ip}/${address.prefix}`),
  };
}

const missing = (message: string) => new CodedError(message, { code: 'INTERFACE_MISSING' });
