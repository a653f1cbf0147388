import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';

export type HairpinMode = 'none' | 'hairpin-veth' | 'promiscuous-bridge';

export interface BridgeNetwork {
  /** Of the network. */
  readonly name: string;
  /** At most 15 characters. */
  readonly bridge: string;
  /** The node's pod ranges, at most one of each family. */
  readonly podCidrs: readonly string[];
  /** As the kubelet's `hairpinMode`: how a pod reaches itself by the address of a service. */
  readonly hairpinMode: HairpinMode;
  /** Where host-local keeps which addresses are taken. */
  readonly addressDirectory: string;
  /** Undefined: the kernel's choice. */
  readonly mtu?: number;
}

/**
 * A CNI configuration list (https://github.com/containernetworking/cni/blob/spec-v1.0.0/SPEC.md): pods on a bridge with an address of
 * the node's range, hidden behind the node's own when they go out, host ports mapped. Runtimes add the loopback by themselves.
 */
export function bridgeConflist({ name, bridge, podCidrs, hairpinMode, addressDirectory, mtu }: BridgeNetwork): object {
  const everywhere = podCidrs.map((cidr) => ({ dst: isIPv6(cidr.split('/')[0]!) ? '::/0' : '0.0.0.0/0' }));
  return {
    cniVersion: '1.0.0',
    name,
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        ipMasq: true,
        ...(hairpinMode === 'hairpin-veth' && { hairpinMode: true }),
        ...(hairpinMode === 'promiscuous-bridge' && { promiscMode: true }),
        ...(mtu !== undefined && { mtu }),
        ipam: {
          type: 'host-local',
          dataDir: addressDirectory,
          ranges: podCidrs.map((subnet) => [{ subnet }]),
          routes: everywhere,
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

/** What the names of all clusters' bridges begin with. */
export const BRIDGE_PREFIX = 'mstr-';

/** A name that fits an interface and that no other cluster on this machine has. */
export function bridgeName(clusterDirectory: string): string {
  return `${BRIDGE_PREFIX}${createHash('sha256').update(clusterDirectory).digest('hex').slice(0, 8)}`;
}
