import { type Family, formatIp, parseCidr } from '../../api/machinery/ip.ts';

/** Of one family. */
export interface SubnetRange {
  readonly family: Family;
  readonly network: string;
  /** Of this node's pods. */
  readonly subnet: string;
}

/** What other programs read of the network, flannel's CNI plugin for one: `/run/flannel/subnet.env`. */
export interface SubnetEnv {
  readonly ranges: readonly SubnetRange[];
  readonly mtu: number;
  /** Whether flannel itself masquerades. */
  readonly ipMasq: boolean;
}

const PREFIX = { 4: 'FLANNEL', 6: 'FLANNEL_IPV6' } as const;

/** As flannel writes it: each subnet with its first usable address, which the bridge has. */
export function formatSubnetEnv({ ranges, mtu, ipMasq }: SubnetEnv): string {
  return [
    ...ranges.flatMap(({ family, network, subnet }) => [
      `${PREFIX[family]}_NETWORK=${network}`,
      `${PREFIX[family]}_SUBNET=${firstUsable(subnet)}`,
    ]),
    `FLANNEL_MTU=${mtu}`,
    `FLANNEL_IPMASQ=${ipMasq}`,
    '',
  ].join('\n');
}

function firstUsable(subnet: string): string {
  const { address, length } = parseCidr(subnet) ?? {};
  if (!address) throw new TypeError(`${subnet} is no CIDR`);
  const bytes = address.bytes.with(-1, (address.bytes.at(-1) ?? 0) + 1);
  return `${formatIp({ ...address, bytes })}/${length}`;
}
