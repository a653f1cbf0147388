import { type Family, parseCidr } from '../../api/machinery/ip.ts';

/** Addresses of one family as numbers, both ends within. */
export interface AddressSpan {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** Undefined for what is no CIDR. */
export function spanOf(cidr: string): AddressSpan | undefined {
  const range = parseCidr(cidr);
  if (!range) return undefined;
  const { family, bytes } = range.address;
  const size = 1n << BigInt(bytes.length * 8 - range.length);
  const number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  const first = number - (number % size);
  return { family, first, last: first + size - 1n };
}

/** The span of one address; undefined for what is none. */
export const spanOfAddress = (ip: string): AddressSpan | undefined => spanOf(`${ip}/${ip.includes(':') ? 128 : 32}`);

export const isWithin = (inner: AddressSpan, outer: AddressSpan): boolean =>
  inner.family === outer.family && outer.first <= inner.first && inner.last <= outer.last;

/** Ranges of one family of which no two overlap, each found in a few steps however many there are. */
export class TakenRanges {
  /** By their first addresses, which are in order. */
  readonly #spans: (AddressSpan & { readonly cidr: string })[] = [];

  /** Takes the range, or answers the one that has some of its addresses already. */
  take(cidr: string, span: AddressSpan): string | undefined {
    const at = this.#firstAfter(span.last);
    const before = this.#spans[at - 1];
    if (before && before.last >= span.first) return before.cidr;
    this.#spans.splice(at, 0, { ...span, cidr });
    return undefined;
  }

  /** The place of the first range that begins behind an address. */
  #firstAfter(address: bigint): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#spans[middle]!.first > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
