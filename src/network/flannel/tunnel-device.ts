import type { Family } from '../../api/machinery/ip.ts';
import { addressesOf, type NetworkInterface } from '../../host/network-interfaces.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { firstAddress } from './forwarding-plan.ts';
import type { Backend } from './net-conf.ts';
import type { OuterInterface } from './outer-interface.ts';

/** The device that a backend sends through. */
export interface TunnelDevice {
  readonly name: string;
  /** As `ip link add <name>` takes it. */
  readonly create: readonly string[];
  /** Whether one that is there will do. */
  fits(device: NetworkInterface): boolean;
  readonly mtu: number;
  readonly family: Family;
  /** Its own, /32 or /128. */
  readonly address: string;
}

/** What a packet of the network grows by, between addresses of IPv4. */
const OVERHEAD = { vxlan: 50, ipip: 20, 'host-gw': 0, alloc: 0 } as const;
/** A header of IPv6 is so much longer than one of IPv4. */
const LONGER_HEADER = 20;

/** How large packets of pods may be. */
export function podMtu(backend: Backend, { mtu, family }: Pick<OuterInterface, 'mtu' | 'family'>): number {
  const overhead = OVERHEAD[backend.type];
  const longer = overhead > 0 && family === 6 ? LONGER_HEADER : 0;
  return (backend.type === 'vxlan' && backend.mtu ? backend.mtu : mtu) - overhead - longer;
}

/** As flannel calls it; one for each family. */
export function tunnelName(backend: Backend, family: Family): string | undefined {
  if (backend.type === 'vxlan') return `flannel${family === 4 ? '' : '-v6'}.${backend.vni}`;
  return backend.type === 'ipip' ? 'flannel.ipip' : undefined;
}

/**
 * The device as it must be; undefined for a backend without one. Pure.
 *
 * @param subnet of this node's pods: the device has its first address, so that what the node itself sends to pods comes back through it
 * @param mac of a vxlan device
 */
export function planTunnelDevice(
  backend: Backend,
  outer: OuterInterface,
  { subnet, mac }: { readonly subnet: string; readonly mac: string },
): TunnelDevice | undefined {
  const { family } = outer;
  const name = tunnelName(backend, family);
  if (name === undefined) return undefined;
  const address = `${firstAddress(subnet)}/${family === 4 ? 32 : 128}`;
  const common = { name, family, mtu: podMtu(backend, outer), address };
  if (backend.type !== 'vxlan')
    return {
      ...common,
      create: ['type', 'ipip', 'local', outer.ip, 'dev', outer.device],
      fits: ({ kind, data }) => kind === 'ipip' && data['local'] === outer.ip && data['link'] === outer.device,
    };
  const { vni, port, learning, groupBasedPolicy } = backend;
  return {
    ...common,
    create: [
      // Given at once, so that no rule of udev for new devices chooses another.
      ...['address', mac, 'type', 'vxlan', 'id', String(vni), 'local', outer.ip, 'dev', outer.device, 'dstport', String(port)],
      learning ? 'learning' : 'nolearning',
      ...(groupBasedPolicy ? ['gbp'] : []),
    ],
    fits: ({ kind, data }) =>
      kind === 'vxlan' &&
      data['id'] === vni &&
      data[family === 4 ? 'local' : 'local6'] === outer.ip &&
      data['link'] === outer.device &&
      data['port'] === port &&
      data['learning'] === learning &&
      (data['gbp'] === true) === groupBasedPolicy,
  };
}

/**
 * Makes the device what it must be. One that fits stays, so that packets on their way through it do.
 *
 * @returns its address of the link layer
 * @throws CodedError BACKEND_IMPOSSIBLE where the kernel has no such devices
 */
export async function applyTunnelDevice(
  run: RunProgram,
  device: TunnelDevice,
  interfaces: readonly NetworkInterface[],
): Promise<string> {
  const { name, family, create, fits, mtu, address } = device;
  let present = interfaces.find((one) => one.name === name);
  if (present && !fits(present)) {
    await run('ip', ['link', 'delete', name]);
    present = undefined;
  }
  if (!present) await createDevice(run, name, create);
  if (present?.mtu !== mtu) await run('ip', ['link', 'set', name, 'mtu', String(mtu)]);
  const addresses = (present ? addressesOf(present, family) : [])
    // What the kernel gives each device of IPv6 by itself stays.
    .filter(({ scope }) => family === 4 || scope !== 'link')
    .map(({ ip, prefix }) => `${ip}/${prefix}`);
  for (const other of addresses) if (other !== address) await run('ip', ['address', 'delete', other, 'dev', name]);
  if (!addresses.includes(address)) await run('ip', ['address', 'add', address, 'dev', name, ...(family === 6 ? ['nodad'] : [])]);
  if (!present?.isUp) await run('ip', ['link', 'set', name, 'up']);
  return present?.mac ?? create[create.indexOf('address') + 1] ?? '';
}

async function createDevice(run: RunProgram, name: string, create: readonly string[]): Promise<void> {
  try {
    await run('ip', ['link', 'add', name, ...create]);
  } catch (cause) {
    if (!(cause instanceof ProgramError && /Unknown device type|Operation not supported/.test(cause.stderr))) throw cause;
    const kind = create[create.indexOf('type') + 1];
    throw new CodedError(
      `this kernel has no ${kind} devices (modprobe ${kind}); the backends host-gw and vxlan need none of them`,
      {
        code: 'BACKEND_IMPOSSIBLE',
        cause,
      },
    );
  }
}
