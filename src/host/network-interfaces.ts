import { ProgramError, type RunProgram } from './run-program.ts';

/** An interface of this network namespace, as ip(8) tells of it. */
export interface NetworkInterface {
  readonly name: string;
  /** `vxlan`, `bridge`, `veth`; undefined for hardware. */
  readonly kind: string | undefined;
  readonly mtu: number;
  /** Of its link layer. */
  readonly mac: string;
  readonly isUp: boolean;
  /** What is special to its kind. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Of IPv4, in the kernel's order. */
  readonly addresses: readonly InterfaceAddress[];
  /** Of IPv6. */
  readonly addresses6: readonly InterfaceAddress[];
}

export interface InterfaceAddress {
  readonly ip: string;
  readonly prefix: number;
  /** `global`, `link`, `host`. */
  readonly scope: string;
}

interface IpLink {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly address?: string;
  readonly linkinfo?: { readonly info_kind?: string; readonly info_data?: Readonly<Record<string, unknown>> };
  readonly addr_info?: readonly {
    readonly family?: string;
    readonly local?: string;
    readonly prefixlen?: number;
    readonly scope?: string;
  }[];
}

/** All of them. */
export async function readInterfaces(run: RunProgram): Promise<NetworkInterface[]> {
  const { stdout } = await run('ip', ['-json', '-details', 'address', 'show']);
  // Some versions print an empty object for what another program removes meanwhile.
  return (JSON.parse(stdout || '[]') as IpLink[]).filter(({ ifname }) => ifname !== undefined).map(interfaceOf);
}

function interfaceOf({ ifname = '', flags = [], mtu = 0, address = '', linkinfo, addr_info = [] }: IpLink): NetworkInterface {
  const addresses = (wanted: string) =>
    addr_info.flatMap(({ family, local, prefixlen = 32, scope = '' }) =>
      family === wanted && local !== undefined ? { ip: local, prefix: prefixlen, scope } : [],
    );
  return {
    name: ifname,
    kind: linkinfo?.info_kind,
    mtu,
    mac: address,
    isUp: flags.includes('UP'),
    data: linkinfo?.info_data ?? {},
    addresses: addresses('inet'),
    addresses6: addresses('inet6'),
  };
}

/** The addresses of one family. */
export const addressesOf = (
  { addresses, addresses6 }: Pick<NetworkInterface, 'addresses' | 'addresses6'>,
  family: 4 | 6,
): readonly InterfaceAddress[] => (family === 4 ? addresses : addresses6);

/**
 * Through which interface what goes to an address leaves, and by which gateway; undefined when there is no way.
 *
 * @param to `default`: the default route of the family
 */
export async function readRouteTo(
  run: RunProgram,
  to: string,
  family: 4 | 6 = to.includes(':') ? 6 : 4,
): Promise<{ readonly device: string; readonly gateway: string | undefined } | undefined> {
  const asked = to === 'default' ? ['route', 'show', 'default'] : ['route', 'get', to];
  try {
    const { stdout } = await run('ip', ['-json', `-${family}`, ...asked]);
    const [route] = JSON.parse(stdout || '[]') as { dev?: string; gateway?: string }[];
    return route?.dev === undefined ? undefined : { device: route.dev, gateway: route.gateway };
  } catch (error) {
    if (error instanceof ProgramError && /Network is unreachable|No route to host/.test(error.stderr)) return undefined;
    throw error;
  }
}
