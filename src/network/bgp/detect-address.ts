import type { V1Node } from '../../api/gen/types.ts';
import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, type NetworkInterface, readInterfaces, readRouteTo } from '../../host/network-interfaces.ts';
import type { RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { addressBits, plainCidr, plainIp } from './plain-address.ts';
import { type Autodetection, METHOD_VARIABLES } from './settings.ts';

/** What `first-found` leaves out: interfaces of containers, and those that networks of pods make. */
const NOT_OUTSIDE =
  /^(docker.*|cbr.*|dummy.*|virbr.*|lxcbr.*|veth.*|lo|cali.*|tunl.*|flannel.*|kube-ipvs.*|cni.*|vxlan(-v6)?\.calico.*|wireguard\.cali.*|wg-v6\.cali.*|nodelocaldns.*|mstr-.*)$/;

/**
 * The address under which other nodes reach this one, with the length of its network: `192.168.20.31/24`.
 *
 * @throws CodedError ADDRESS_NOT_FOUND
 */
export async function detectAddress(
  run: RunProgram,
  ip: string | Autodetection,
  node: V1Node | undefined,
  family: Family = 4,
): Promise<string> {
  const interfaces = await readInterfaces(run);
  if (typeof ip === 'string') return withLength(interfaces, ip, family);
  if (ip.method === 'kubernetes-internal-ip') {
    const internal = node?.status?.addresses?.find(({ type, address }) => type === 'InternalIP' && plainIp(address, family));
    if (!internal) throw notFound(`the Node has no InternalIP of IPv${family}`);
    return withLength(interfaces, plainIp(internal.address, family)!, family);
  }
  const device = ip.method === 'can-reach' ? (await readRouteTo(run, ip.destination, family))?.device : undefined;
  const found = chooseAddress(interfaces, ip, device, family);
  if (found === undefined) throw notFound(`no interface fits ${METHOD_VARIABLES[family]}=${describe(ip)}`);
  return found;
}

/**
 * Pure.
 *
 * @param device for `can-reach`: where packets to the destination leave
 */
export function chooseAddress(
  interfaces: readonly NetworkInterface[],
  method: Exclude<Autodetection, { method: 'kubernetes-internal-ip' }>,
  device?: string,
  family: Family = 4,
): string | undefined {
  const candidates = interfaces
    .filter(({ isUp }) => isUp)
    .flatMap((one) =>
      addressesOf(one, family)
        .filter(({ scope }) => scope === 'global')
        .map((address) => ({ name: one.name, text: `${address.ip}/${address.prefix}` })),
    );
  // Among an expression's several patterns the first that fits anything counts.
  const named = (patterns: readonly RegExp[]) =>
    patterns.map((pattern) => candidates.find(({ name }) => pattern.test(name))).find((found) => found !== undefined);
  const usual = candidates.filter(({ name }) => !NOT_OUTSIDE.test(name));
  switch (method.method) {
    case 'interface':
      return named(method.patterns)?.text;
    case 'skip-interface':
      return usual.find(({ name }) => !method.patterns.some((pattern) => pattern.test(name)))?.text;
    case 'can-reach':
      return candidates.find(({ name }) => name === device)?.text;
    case 'cidr':
      return candidates.find(({ text }) =>
        method.cidrs.some((cidr) => plainCidr(`${text.split('/')[0]}/${cidr.split('/')[1]}`, family) === plainCidr(cidr, family)),
      )?.text;
    case 'first-found':
      return usual[0]?.text;
  }
}

/** An address that no interface has is taken as one that stands alone. */
function withLength(interfaces: readonly NetworkInterface[], ip: string, family: Family): string {
  const found = interfaces.flatMap((one) => addressesOf(one, family)).find((address) => address.ip === ip);
  return `${ip}/${found?.prefix ?? addressBits(family)}`;
}

function describe(method: Autodetection): string {
  const { method: name, ...rest } = method;
  const [value] = Object.values(rest);
  return value === undefined
    ? name
    : `${name}=${Array.isArray(value) ? value.map((one) => (one instanceof RegExp ? one.source : one)).join(',') : value}`;
}

const notFound = (why: string) => new CodedError(`no address for BGP: ${why}`, { code: 'ADDRESS_NOT_FOUND' });
