import { isIP, isIPv6 } from 'node:net';
import { CodedError } from '../../std/coded-error.ts';

/**
 * The node's addresses by `--node-ip`: one, or one of each family; `0.0.0.0` and `::` stand for the machine's first of their family.
 *
 * @param ownAddresses the machine's, the preferred first
 * @returns undefined when the flag says nothing
 * @throws CodedError in upstream's words
 */
export function parseNodeIps(text: string, ownAddresses: readonly string[]): readonly string[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (text.trim() === '') return undefined;
  const wrong = parts.find((address) => !isIP(address));
  if (wrong !== undefined) throw refusal(`bad --node-ip ${JSON.stringify(wrong)}: it is not an IP address`);
  if (parts.length > 2 || (parts.length === 2 && isIPv6(parts[0]!) === isIPv6(parts[1]!)))
    throw refusal(
      `failed to parse --node-ip ${JSON.stringify(text)}: must contain either a single IP or a dual-stack pair of IPs`,
    );
  const unspecified = (address: string) => address === '0.0.0.0' || address === '::';
  if (parts.length === 2 && parts.some(unspecified))
    throw refusal(`failed to parse --node-ip ${JSON.stringify(text)}: dual-stack node IP cannot include '0.0.0.0' or '::'`);
  return parts.map((address) => {
    if (!unspecified(address)) return address;
    const own = ownAddresses.find((candidate) => isIPv6(candidate) === isIPv6(address));
    if (own === undefined) throw refusal(`bad --node-ip ${JSON.stringify(address)}: this machine has no address of that family`);
    return own;
  });
}

function refusal(message: string): CodedError {
  return new CodedError(message, { code: 'KUBELET_FLAGS_INVALID' });
}
