import ipaddr from 'ipaddr.js';
import { CodedError } from '../../std/coded-error.ts';

/** An address range: its first address as a number, how many bits of it are fixed, of how many. */
interface Range {
  readonly first: bigint;
  readonly prefix: number;
  readonly bits: 32 | 128;
}

/** More parts than that are a mistake in the mask size (upstream's limit is 2^16). */
const MAX_PART_BITS = 16;

/**
 * A range cut into equal parts that are given out and taken back. Parts are counted, not flagged: two nodes may have been given the same part
 * by hand, and the part is free when both have gone.
 */
export class CidrSet {
  readonly cidr: string;
  readonly isIpv6: boolean;
  readonly #range: Range;
  readonly #maskSize: number;
  readonly #parts: number;
  readonly #users = new Map<number, number>();
  #next = 0;

  /** @throws CodedError when the mask does not cut the range into 1 to 65536 parts */
  constructor(cidr: string, maskSize: number) {
    this.cidr = cidr;
    this.#range = parseRange(cidr);
    this.isIpv6 = this.#range.bits === 128;
    this.#maskSize = maskSize;
    const partBits = maskSize - this.#range.prefix;
    if (partBits < 0 || maskSize > this.#range.bits || partBits > MAX_PART_BITS)
      throw new CodedError(
        `node CIDR mask size ${maskSize} does not fit cluster CIDR ${cidr}: the difference must be 0 to ${MAX_PART_BITS}`,
        {
          code: 'CIDR_MASK_SIZE',
        },
      );
    this.#parts = 2 ** partBits;
  }

  /** A part that nobody has, or undefined when there is none. Goes round, so that a part that was given back rests as long as possible. */
  allocate(): string | undefined {
    for (let tried = 0; tried < this.#parts; tried++) {
      const part = (this.#next + tried) % this.#parts;
      if (this.#users.has(part)) continue;
      this.#users.set(part, 1);
      this.#next = (part + 1) % this.#parts;
      return this.#format(part);
    }
    return undefined;
  }

  /** Counts every part that `cidr` touches as used (once more). Answers whether it touches any. */
  occupy(cidr: string): boolean {
    return this.#count(cidr, 1);
  }

  /** Takes back what `allocate` gave or `occupy` counted. */
  release(cidr: string): void {
    this.#count(cidr, -1);
  }

  #count(cidr: string, step: 1 | -1): boolean {
    const other = parseRange(cidr);
    const { first, prefix, bits } = this.#range;
    if (other.bits !== bits) return false;
    const partSize = 1n << BigInt(bits - this.#maskSize);
    const end = first + (1n << BigInt(bits - prefix));
    const otherEnd = other.first + (1n << BigInt(bits - other.prefix));
    if (other.first >= end || otherEnd <= first) return false;
    const from = other.first > first ? Number((other.first - first) / partSize) : 0;
    const to = otherEnd < end ? Number((otherEnd - first - 1n) / partSize) : this.#parts - 1;
    for (let part = from; part <= to; part++) {
      const users = (this.#users.get(part) ?? 0) + step;
      if (users > 0) this.#users.set(part, users);
      else this.#users.delete(part);
    }
    return true;
  }

  #format(part: number): string {
    const { first, bits } = this.#range;
    const address = first + (BigInt(part) << BigInt(bits - this.#maskSize));
    const bytes = Array.from({ length: bits / 8 }, (_, i) => Number((address >> BigInt(bits - 8 * (i + 1))) & 0xffn));
    return `${ipaddr.fromByteArray(bytes).toString()}/${this.#maskSize}`;
  }
}

/** @throws CodedError when the text is no address range */
function parseRange(cidr: string): Range {
  if (!ipaddr.isValidCIDR(cidr)) throw new CodedError(`invalid CIDR address: ${cidr}`, { code: 'CIDR_INVALID' });
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  const bits = bytes.length === 4 ? 32 : 128;
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const hostBits = BigInt(bits - prefix);
  return { first: (value >> hostBits) << hostBits, prefix, bits };
}
