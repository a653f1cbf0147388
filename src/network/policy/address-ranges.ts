import ipaddr from 'ipaddr.js';
import type { V1IPBlock } from '../../api/gen/types.ts';
import { type Family, type IpAddress, parseCidr } from '../../api/machinery/ip.ts';

/** Addresses of one family as numbers, both ends within. */
export interface AddressRange {
  readonly first: bigint;
  readonly last: bigint;
}

const BITS = { 4: 32n, 6: 128n } as const;

export const everyAddress = (family: Family): AddressRange => ({ first: 0n, last: (1n << BITS[family]) - 1n });

export const isEveryAddress = (ranges: readonly AddressRange[], family: Family): boolean =>
  ranges.length === 1 && ranges[0]!.first === 0n && ranges[0]!.last === everyAddress(family).last;

export const addressNumber = ({ bytes }: Pick<IpAddress, 'bytes'>): bigint =>
  bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);

/** Undefined for what is no CIDR. */
export function cidrRange(cidr: string): (AddressRange & { readonly family: Family }) | undefined {
  const range = parseCidr(cidr);
  if (!range) return undefined;
  const { family } = range.address;
  const size = 1n << (BITS[family] - BigInt(range.length));
  const number = addressNumber(range.address);
  const first = number - (number % size);
  return { family, first, last: first + size - 1n };
}

/** Sorted, with what overlaps or touches put together. */
export function unionRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const union: AddressRange[] = [];
  for (const range of sorted) {
    const before = union.at(-1);
    if (!before || range.first > before.last + 1n) union.push(range);
    else if (range.last > before.last) union[union.length - 1] = { first: before.first, last: range.last };
  }
  return union;
}

/** What is in the range and in none of the others. */
export function withoutRanges(range: AddressRange, others: readonly AddressRange[]): AddressRange[] {
  const left: AddressRange[] = [];
  let { first } = range;
  for (const other of unionRanges(others)) {
    if (other.last < first || other.first > range.last) continue;
    if (other.first > first) left.push({ first, last: other.first - 1n });
    first = other.last + 1n;
  }
  if (first <= range.last) left.push({ first, last: range.last });
  return left;
}

/** The addresses of one family that blocks allow, each without its exceptions. What is no CIDR allows nothing. */
export function rangesOfBlocks(blocks: readonly V1IPBlock[], family: Family): AddressRange[] {
  return unionRanges(
    blocks.flatMap(({ cidr, except = [] }) => {
      const range = cidrRange(cidr);
      if (range?.family !== family) return [];
      return withoutRanges(
        range,
        except.flatMap((text) => cidrRange(text) ?? []).filter((other) => other.family === family),
      );
    }),
  );
}

export function formatAddress(number: bigint, family: Family): string {
  const bytes = Array.from({ length: Number(BITS[family] / 8n) }, (_, i) =>
    Number((number >> (BITS[family] - 8n * BigInt(i + 1))) & 255n),
  );
  const address = ipaddr.fromByteArray(bytes);
  return address.kind() === 'ipv6' ? (address as ipaddr.IPv6).toRFC5952String() : address.toString();
}

/** `10.0.0.0-10.0.0.9`, or one address. */
export const formatRange = ({ first, last }: AddressRange, family: Family): string =>
  first === last ? formatAddress(first, family) : `${formatAddress(first, family)}-${formatAddress(last, family)}`;
