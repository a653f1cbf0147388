import { BlockList, isIP, isIPv6 } from 'node:net';
import { badRequest } from '../../api/machinery/status-error.ts';

/** What is no global unicast address (Go's net.IP.IsGlobalUnicast): this host itself, its links, groups. */
function notGlobal(): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8, 'ipv4');
  list.addSubnet('169.254.0.0', 16, 'ipv4');
  list.addSubnet('224.0.0.0', 4, 'ipv4');
  list.addAddress('0.0.0.0', 'ipv4');
  list.addAddress('255.255.255.255', 'ipv4');
  list.addAddress('::', 'ipv6');
  list.addAddress('::1', 'ipv6');
  list.addSubnet('fe80::', 10, 'ipv6');
  list.addSubnet('ff00::', 8, 'ipv6');
  return list;
}

/**
 * Whether requests may be passed on to an address that others say: not to this host's own services, nor to the metadata servers of
 * clouds (registry/core/node and pod, IsProxyableIP).
 */
export type AddressCheck = (address: string) => boolean;

export function createProxyableCheck(): AddressCheck {
  const blocked = notGlobal();
  return (address) => isIP(address) !== 0 && !blocked.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

export const addressNotAllowed = () => badRequest('address not allowed');
