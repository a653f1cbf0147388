import { createHash } from 'node:crypto';
import { type AddressRange, cidrRange, formatAddress } from '../policy/address-ranges.ts';
import { addressBits, familyOf } from './plain-address.ts';

/** A pool of addresses that is given to nodes in blocks. */
export interface BlockPool {
  readonly cidr: string;
  /** Length of a block's prefix: 26 is 64 addresses, and 122 for IPv6. */
  readonly blockSize: number;
}

export const rangesMeet = (a: AddressRange, b: AddressRange): boolean => a.first <= b.last && b.first <= a.last;

/** Whether `inner` is of the pool. */
export function isInPool({ cidr }: Pick<BlockPool, 'cidr'>, inner: string): boolean {
  const [pool, block] = [cidrRange(cidr), cidrRange(inner)];
  return pool !== undefined && block?.family === pool.family && pool.first <= block.first && block.last <= pool.last;
}

/**
 * A block of the pool that meets none of those taken. Each node begins to look at a place of its own, so that nodes that look at the
 * same time rarely want the same.
 *
 * @param taken CIDRs of any size
 * @returns undefined when the pool is used up
 */
export function freeBlock({ cidr, blockSize }: BlockPool, taken: readonly string[], nodeName: string): string | undefined {
  const pool = cidrRange(cidr);
  if (!pool) return undefined;
  const { family } = pool;
  const size = 1n << BigInt(addressBits(family) - blockSize);
  const count = (pool.last - pool.first + 1n) / size;
  if (count < 1n) return undefined;
  const used = taken
    .flatMap((text) => cidrRange(text) ?? [])
    .filter((range) => range.family === family && rangesMeet(range, pool));
  const start = createHash('sha256').update(nodeName).digest().readBigUInt64BE() % count;
  for (let step = 0n; step < count; step++) {
    const first = pool.first + ((start + step) % count) * size;
    const block = { first, last: first + size - 1n };
    if (!used.some((range) => rangesMeet(range, block))) return `${formatAddress(first, family)}/${blockSize}`;
  }
  return undefined;
}

/** Addresses of a block that pods can have: without its own, the gateway's, and of IPv4 the broadcast's, which host-local keeps back. */
export function usableAddresses(block: string): number {
  const range = cidrRange(block);
  return range ? Math.max(0, Number(range.last - range.first) - (range.family === 4 ? 2 : 1)) : 0;
}

/** Whether so many addresses of the blocks are free. Only addresses of the blocks count. */
export function blocksHaveRoom(blocks: readonly string[], usedAddresses: readonly string[], free: number): boolean {
  const room = blocks.reduce((sum, block) => sum + usableAddresses(block), 0);
  const used = usedAddresses.filter((address) => blocks.some((block) => isInBlock(block, address))).length;
  return blocks.length > 0 && room - used >= free;
}

/** Whether an address is of a block. */
export const isInBlock = (block: string, address: string): boolean =>
  isInPool({ cidr: block }, `${address}/${addressBits(familyOf(address))}`);

/** `10.64.0.0/26` as the name of an object: no two blocks can have one name. */
export const blockName = (block: string): string => block.replace(/[./:]/g, '-');

/** The gateway's, which host-local gives to no pod. */
export function firstAddress(block: string): string | undefined {
  const range = cidrRange(block);
  return range && formatAddress(range.first + 1n, range.family);
}
