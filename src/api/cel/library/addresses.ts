/** `ip("10.0.0.1").family()`, `cidr("10.0.0.0/8").containsIP("10.1.2.3")` (apiserver/pkg/cel/library/ip.go, cidr.go). */
import ipaddr from 'ipaddr.js';
import { goAddressProblem, goPrefixProblem } from '../../../std/go-address.ts';
import { goQuote } from '../../../std/go-text.ts';
import { declare, type FunctionDeclaration, member, overload } from '../declarations.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { ErrorValue, OpaqueValue, type Value } from '../values.ts';

export const IP = opaque('net.IP');
export const CIDR = opaque('net.CIDR');

type Address = ipaddr.IPv4 | ipaddr.IPv6;

class IpValue extends OpaqueValue {
  readonly type = IP;
  readonly address: Address;
  constructor(address: Address) {
    super();
    this.address = address;
  }
  equals(other: IpValue): boolean {
    return this.address.toString() === other.address.toString();
  }
  override get costSize(): number {
    return Math.ceil(this.address.toByteArray().length);
  }
}

class CidrValue extends OpaqueValue {
  readonly type = CIDR;
  readonly address: Address;
  readonly bits: number;
  constructor(address: Address, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }
  equals(other: CidrValue): boolean {
    return this.bits === other.bits && this.address.toString() === other.address.toString();
  }
  override get costSize(): number {
    return Math.ceil(this.bits / 8);
  }
}

function parseAddress(text: string): Address | ErrorValue {
  const problem = goAddressProblem(text);
  if (problem) return new ErrorValue(`IP Address ${goQuote(text)} parse error during conversion from string: ${problem}`);
  if (text.includes('%')) return new ErrorValue(`IP address ${goQuote(text)} with zone value is not allowed`);
  return notMapped(text, ipaddr.parse(text));
}

function notMapped(text: string, address: Address): Address | ErrorValue {
  const mapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();
  return mapped ? new ErrorValue(`IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`) : address;
}

function parseCidr(text: string): CidrValue | ErrorValue {
  const problem = goPrefixProblem(text);
  // Upstream says it twice.
  if (problem) return cidrError(cidrError(problem).message);
  const slash = text.lastIndexOf('/');
  const address = notMapped(text, ipaddr.parse(text.slice(0, slash)));
  return address instanceof ErrorValue ? cidrError(address.message) : new CidrValue(address, Number(text.slice(slash + 1)));
}

const cidrError = (problem: string) => new ErrorValue(`network address parse error during conversion from string: ${problem}`);

/** As Go prints addresses: RFC 5952. */
const shown = (address: Address): string => (address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString());
const family = (address: Address): bigint => (address instanceof ipaddr.IPv4 ? 4n : 6n);
const bytesOf = (address: Address): number[] => address.toByteArray();

function sharesPrefix(a: Address, b: Address, bits: number): boolean {
  if (family(a) !== family(b)) return false;
  const [left, right] = [bytesOf(a), bytesOf(b)];
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    if ((left[bit / 8]! & mask) !== (right[bit / 8]! & mask)) return false;
  }
  return true;
}

function masked({ address, bits }: CidrValue): CidrValue {
  const bytes = bytesOf(address).map(
    (byte, i) => byte & (i * 8 + 8 <= bits ? 0xff : i * 8 >= bits ? 0 : (0xff << (8 - (bits - i * 8))) & 0xff),
  );
  return new CidrValue(ipaddr.fromByteArray(bytes), bits);
}

const startsWith = (address: Address, four: (bytes: number[]) => boolean, six: (bytes: number[]) => boolean) =>
  address instanceof ipaddr.IPv4 ? four(bytesOf(address)) : six(bytesOf(address));
const isUnspecified = (address: Address) => bytesOf(address).every((byte) => byte === 0);
const isLoopback = (a: Address) =>
  startsWith(
    a,
    (b) => b[0] === 127,
    (b) => b.slice(0, 15).every((byte) => byte === 0) && b[15] === 1,
  );
const isLinkLocalMulticast = (a: Address) =>
  startsWith(
    a,
    (b) => b[0] === 224 && b[1] === 0 && b[2] === 0,
    (b) => b[0] === 0xff && (b[1]! & 0xf) === 2,
  );
const isLinkLocalUnicast = (a: Address) =>
  startsWith(
    a,
    (b) => b[0] === 169 && b[1] === 254,
    (b) => b[0] === 0xfe && (b[1]! & 0xc0) === 0x80,
  );
const isMulticast = (a: Address) =>
  startsWith(
    a,
    (b) => (b[0]! & 0xf0) === 0xe0,
    (b) => b[0] === 0xff,
  );
const isBroadcast = (a: Address) =>
  startsWith(
    a,
    (b) => b.every((byte) => byte === 255),
    () => false,
  );
const isGlobalUnicast = (a: Address) =>
  !(isUnspecified(a) || isLoopback(a) || isMulticast(a) || isLinkLocalUnicast(a) || isBroadcast(a));

const made = (text: string): Value => {
  const address = parseAddress(text);
  return address instanceof ErrorValue ? address : new IpValue(address);
};
const test = (name: string, id: string, holds: (address: Address) => boolean) =>
  declare(
    name,
    member(id, [IP], BOOL, ({ address }: IpValue) => holds(address)),
  );

function containsIp({ address, bits }: CidrValue, other: Address | ErrorValue): Value {
  // As upstream: not what is wrong with the address.
  return other instanceof ErrorValue ? new ErrorValue('no such overload') : sharesPrefix(address, other, bits);
}
function containsCidr(outer: CidrValue, inner: CidrValue | ErrorValue): Value {
  if (inner instanceof ErrorValue) return inner;
  return inner.bits >= outer.bits && sharesPrefix(outer.address, inner.address, outer.bits);
}

export const addressFunctions: readonly FunctionDeclaration[] = [
  declare(
    'ip',
    overload('string_to_ip', [STRING], IP, made),
    member('cidr_ip', [CIDR], IP, ({ address }: CidrValue) => new IpValue(address)),
  ),
  declare(
    'isIP',
    overload('is_ip', [STRING], BOOL, (text: string) => !(parseAddress(text) instanceof ErrorValue)),
  ),
  declare(
    'ip.isCanonical',
    overload('ip_is_canonical', [STRING], BOOL, (text: string) => {
      const address = parseAddress(text);
      return address instanceof ErrorValue ? address : shown(address) === text;
    }),
  ),
  declare(
    'family',
    member('ip_family', [IP], INT, ({ address }: IpValue) => family(address)),
  ),
  test('isUnspecified', 'ip_is_unspecified', isUnspecified),
  test('isLoopback', 'ip_is_loopback', isLoopback),
  test('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLinkLocalMulticast),
  test('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocalUnicast),
  test('isGlobalUnicast', 'ip_is_global_unicast', isGlobalUnicast),
  declare(
    'cidr',
    overload('string_to_cidr', [STRING], CIDR, (text: string) => parseCidr(text)),
  ),
  declare(
    'isCIDR',
    overload('is_cidr', [STRING], BOOL, (text: string) => !(parseCidr(text) instanceof ErrorValue)),
  ),
  declare(
    'containsIP',
    member('cidr_contains_ip_ip', [CIDR, IP], BOOL, (outer: CidrValue, { address }: IpValue) => containsIp(outer, address)),
    member('cidr_contains_ip_string', [CIDR, STRING], BOOL, (outer: CidrValue, text: string) =>
      containsIp(outer, parseAddress(text)),
    ),
  ),
  declare(
    'containsCIDR',
    member('cidr_contains_cidr', [CIDR, CIDR], BOOL, containsCidr),
    member('cidr_contains_cidr_string', [CIDR, STRING], BOOL, (outer: CidrValue, text: string) =>
      containsCidr(outer, parseCidr(text)),
    ),
  ),
  declare('masked', member('cidr_masked', [CIDR], CIDR, masked)),
  declare(
    'prefixLength',
    member('cidr_prefix_length', [CIDR], INT, ({ bits }: CidrValue) => BigInt(bits)),
  ),
  declare(
    'string',
    overload('ip_to_string', [IP], STRING, ({ address }: IpValue) => shown(address)),
    overload('cidr_to_string', [CIDR], STRING, ({ address, bits }: CidrValue) => `${shown(address)}/${bits}`),
  ),
];
