import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { CodedError } from '../../std/coded-error.ts';

export type IpFamily = 'IPv4' | 'IPv6';

/** Addresses of larger IPv6 ranges than this are never given out. */
const MOST_ADDRESSES = 2 ** 32;

/**
 * A range of addresses that can be given out, counted from 0:
 *
 *     10.0.0.0/24   .0 network   .1 = 0   .2 = 1   …   .254 = 253   .255 broadcast (IPv6 has none)
 */
export class AddressRange {
  /** As upstream prints it: the network's address with the mask's length. */
  readonly text: string;
  readonly family: IpFamily;
  readonly size: number;
  readonly #first: bigint;

  /** @throws CodedError INVALID_RANGE for what is no CIDR, or one without an address to give out */
  constructor(text: string) {
    const [address = '', length = '', ...more] = text.trim().split('/');
    const family = familyOf(address);
    const bits = family === 'IPv4' ? 32 : 128;
    const hostBits = /^\d{1,3}$/.test(length) ? bits - Number(length) : -1;
    const kept = family === 'IPv4' ? 2 : 1;
    if (!family || more.length > 0 || hostBits < 0 || 2 ** hostBits <= kept)
      throw new CodedError(`the service IP range ${JSON.stringify(text)} is no CIDR of at least two addresses`, {
        code: 'INVALID_RANGE',
      });
    const network = (numberOf(address) >> BigInt(hostBits)) << BigInt(hostBits);
    this.family = family;
    this.text = `${formatAddress(network, family)}/${length}`;
    this.size = Math.min(2 ** hostBits - kept, MOST_ADDRESSES);
    this.#first = network + 1n;
  }

  /** The part at the beginning that is given out last, and is there for those who choose their address (KEP-3070). */
  get staticBand(): number {
    const whole = this.size + (this.family === 'IPv4' ? 2 : 1);
    return whole <= 16 ? 0 : Math.min(Math.max(Math.floor(whole / 16), 16), 256);
  }

  at(offset: number): string {
    return formatAddress(this.#first + BigInt(offset), this.family);
  }

  /** Where an address is in the range; undefined when it is not. */
  offsetOf(address: string): number | undefined {
    if (familyOf(address) !== this.family) return undefined;
    const offset = numberOf(address) - this.#first;
    return offset >= 0n && offset < BigInt(this.size) ? Number(offset) : undefined;
  }
}

/**
 * Reads `--service-cluster-ip-range`: one range, or one of each family; services get addresses of the first unless they ask.
 *
 * @throws CodedError INVALID_RANGE
 */
export function parseAddressRanges(text: string): readonly AddressRange[] {
  const ranges = text.split(',').map((part) => new AddressRange(part));
  if (ranges.length > 2 || (ranges.length === 2 && ranges[0]!.family === ranges[1]!.family))
    throw new CodedError(
      `the service IP ranges ${JSON.stringify(text)} are too many: at most one of IPv4 and one of IPv6 can be given`,
      { code: 'INVALID_RANGE' },
    );
  return ranges;
}

/** The family of a well-formed address. */
export function familyOf(address: string): IpFamily | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'IPv4' : 'IPv6';
}

/** One spelling for each address. */
export const canonicalAddress = (address: string) => formatAddress(numberOf(address), familyOf(address)!);

const numberOf = (address: string) =>
  ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

function formatAddress(value: bigint, family: IpFamily): string {
  const length = family === 'IPv4' ? 4 : 16;
  const bytes = Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}
