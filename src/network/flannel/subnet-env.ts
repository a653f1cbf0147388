import { formatIp, parseCidr } from '../../api/machinery/ip.ts';

/** What other programs read of the network, flannel's CNI plugin for one: `/run/flannel/subnet.env`. */
export interface SubnetEnv {
  readonly network: string;
  /** Of this node's pods. */
  readonly subnet: string;
  readonly mtu: number;
  /** Whether flannel itself masquerades. */
  readonly ipMasq: boolean;
}

/** As flannel writes it: the subnet with its first usable address, which the bridge has. */
export function formatSubnetEnv({ network, subnet, mtu, ipMasq }: SubnetEnv): string {
  const { address, length } = parseCidr(subnet) ?? {};
  if (!address) throw new TypeError(`${subnet} is no CIDR`);
  const bytes = address.bytes.with(-1, (address.bytes.at(-1) ?? 0) + 1);
  return [
    `FLANNEL_NETWORK=${network}`,
    `FLANNEL_SUBNET=${formatIp({ ...address, bytes })}/${length}`,
    `FLANNEL_MTU=${mtu}`,
    `FLANNEL_IPMASQ=${ipMasq}`,
    '',
  ].join('\n');
}
