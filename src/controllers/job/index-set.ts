import { type IndexRange, parseIndexes } from '../../api/batch/v1/index-ranges.ts';

/**
 * Indexes of a Job, kept as ranges: a Job may have two thousand million of them, and what is done costs as much as there are gaps.
 *
 *     1,3-5,7  ─►  [1 1] [3 5] [7 7]      in order, none beside the next
 */
export class IndexSet {
  readonly #ranges: { from: number; to: number }[] = [];
  #size = 0;

  constructor(ranges: Iterable<IndexRange> = []) {
    for (const { from, to } of ranges) {
      const last = this.#ranges.at(-1);
      if (last && last.to + 1 === from) last.to = to;
      else this.#ranges.push({ from, to });
      this.#size += to - from + 1;
    }
  }

  get size(): number {
    return this.#size;
  }

  get ranges(): readonly IndexRange[] {
    return this.#ranges;
  }

  has(index: number): boolean {
    return this.endOf(index) !== undefined;
  }

  /** The last of those in a row with an index; undefined when it is not one of them. */
  endOf(index: number): number | undefined {
    const range = this.#ranges[this.#placeOf(index)];
    return range && range.from <= index ? range.to : undefined;
  }

  add(index: number): void {
    const at = this.#placeOf(index);
    const [before, after] = [this.#ranges[at - 1], this.#ranges[at]];
    if (after && after.from <= index) return;
    this.#size++;
    const joins = [before?.to === index - 1, after?.from === index + 1];
    if (joins[0] && joins[1]) {
      before!.to = after!.to;
      this.#ranges.splice(at, 1);
    } else if (joins[0]) before!.to = index;
    else if (joins[1]) after!.from = index;
    else this.#ranges.splice(at, 0, { from: index, to: index });
  }

  /** How many of other ranges, which are in order, are among these. */
  countIn(others: readonly IndexRange[]): number {
    let count = 0;
    for (let i = 0, j = 0; i < this.#ranges.length && j < others.length; ) {
      const [own, other] = [this.#ranges[i]!, others[j]!];
      count += Math.max(0, Math.min(own.to, other.to) - Math.max(own.from, other.from) + 1);
      if (own.to < other.to) i++;
      else j++;
    }
    return count;
  }

  /** Of the first range that does not end before an index. */
  #placeOf(index: number): number {
    let [low, high] = [0, this.#ranges.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.to < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Indexes of a Job as its status tells them, `1,3-5`. What cannot be read counts for none: the status is rewritten. */
export function readIndexes(text: string | undefined, completions: number): IndexSet {
  const parsed = parseIndexes(text ?? '', completions);
  return new IndexSet('error' in parsed ? [] : parsed.ranges);
}

/** The text of a set of indexes: three in a row or more are a range. */
export function writeIndexes({ ranges }: Pick<IndexSet, 'ranges'>): string {
  return ranges.map(({ from, to }) => (to === from ? `${from}` : `${from}${to - from === 1 ? ',' : '-'}${to}`)).join();
}
