import ipaddr from 'ipaddr.js';

type Range = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

/** A range of addresses, `10.0.0.0/12`; undefined when the text is none. */
export function parseRange(text: string): Range | undefined {
  return ipaddr.isValidCIDR(text) ? ipaddr.parseCIDR(text) : undefined;
}

/** The address that is `offset` (below 256) behind the beginning of a range; undefined when there is no such range. */
export function addressAt(range: string, offset: number): string | undefined {
  const parsed = parseRange(range);
  if (!parsed) return undefined;
  const bytes = (parsed[0].kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(range).toByteArray();
  bytes[bytes.length - 1]! += offset;
  return ipaddr.fromByteArray(bytes).toString();
}

/** Whether an address lies in a range; false when either is none. */
export function contains(range: string, address: string): boolean {
  const parsed = parseRange(range);
  if (!parsed || !ipaddr.isValid(address)) return false;
  const parsedAddress = ipaddr.parse(address);
  return parsedAddress.kind() === parsed[0].kind() && parsedAddress.match(parsed as [ipaddr.IPv4, number]);
}

/** Whether two ranges have an address in common. */
export function overlap(one: string, other: string): boolean {
  const start = (range: string) => addressAt(range, 0) ?? '';
  return contains(one, start(other)) || contains(other, start(one));
}
