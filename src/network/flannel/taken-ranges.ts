import { parseCidr } from '../../api/machinery/ip.ts';

/** Addresses of IPv4 as numbers, both ends within. */
export interface AddressSpan {
  readonly first: number;
  readonly last: number;
}

/** Undefined for what is no CIDR of IPv4. */
export function spanOf(cidr: string): AddressSpan | undefined {
  const range = parseCidr(cidr);
  if (range?.address.family !== 4) return undefined;
  const size = 2 ** (32 - range.length);
  const number = range.address.bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

export const isWithin = (inner: AddressSpan, outer: AddressSpan): boolean =>
  outer.first <= inner.first && inner.last <= outer.last;

/** Ranges of which no two overlap, each found in a few steps however many there are. */
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
  #firstAfter(address: number): number {
    let [low, high] = [0, this.#spans.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#spans[middle]!.first > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
