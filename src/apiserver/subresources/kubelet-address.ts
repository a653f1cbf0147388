import { isIP } from 'node:net';
import type { V1Node } from '../../api/gen/types.ts';
import { unnamedFailure } from '../../api/machinery/status-error.ts';

/** Upstream's default of `--kubelet-preferred-address-types`. */
export const DEFAULT_ADDRESS_TYPES = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'] as const;
const KUBELET_PORT = 10250;
const HOST_NAME = /^[a-z0-9]([-.a-z0-9_]{0,251}[a-z0-9])?$/i;

/**
 * Where a node's kubelet listens: the first address of a preferred type, and the port that the node tells. What a node says of itself
 * is not taken for more than a host and a port.
 *
 * @throws StatusError 500 without a usable address
 */
export function kubeletAddress(
  { status }: V1Node,
  preferredTypes: readonly string[],
): { readonly host: string; readonly port: number } {
  const addresses = status?.addresses ?? [];
  for (const type of preferredTypes) {
    const host = addresses.find((each) => each.type === type && each.address)?.address;
    if (host !== undefined && (isIP(host) || HOST_NAME.test(host)))
      return { host, port: status?.daemonEndpoints?.kubeletEndpoint?.Port || KUBELET_PORT };
  }
  throw unnamedFailure(`no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`);
}
