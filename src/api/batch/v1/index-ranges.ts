/** Sets of a job's indexes as text: `1,3-5,7` (pkg/apis/batch/validation validateIndexesFormat). */

export interface IndexRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
}

export type Indexes = { readonly ranges: readonly IndexRange[]; readonly total: number } | { readonly error: string };

/** In rising order, without overlaps, below `completions`. The error is upstream's. */
export function parseIndexes(text: string, completions: number): Indexes {
  const ranges: IndexRange[] = [];
  let total = 0;
  if (text === '') return { ranges, total };
  let last: number | undefined;
  for (const part of text.split(',')) {
    const limits = part.split('-');
    if (limits.length > 2)
      return {
        error: `the fragment ${JSON.stringify(part)} violates the requirement that an index interval can have at most two parts separated by '-'`,
      };
    const [from, to = from] = limits.map((limit) => (/^[+-]?\d+$/.test(limit) ? Number(limit) : limit));
    if (typeof from === 'string') return { error: `cannot convert string to integer for index: ${JSON.stringify(from)}` };
    if (from! >= completions) return { error: `too large index: ${JSON.stringify(limits[0])}` };
    if (last !== undefined && last >= from!) return { error: `non-increasing order, previous: ${last}, current: ${from}` };
    if (typeof to === 'string') return { error: `cannot convert string to integer for index: ${JSON.stringify(to)}` };
    if (to! >= completions) return { error: `too large index: ${JSON.stringify(limits[1])}` };
    if (limits.length === 2 && from! >= to!) return { error: `non-increasing order, previous: ${from}, current: ${to}` };
    total += to! - from! + 1;
    ranges.push({ from: from!, to: to! });
    last = to;
  }
  return { ranges, total };
}

/** An index that both have. */
export function sharedIndex(a: readonly IndexRange[], b: readonly IndexRange[]): number | undefined {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i]!.from, b[j]!.from);
    if (from <= Math.min(a[i]!.to, b[j]!.to)) return from;
    if (a[i]!.to < b[j]!.to) i++;
    else j++;
  }
  return undefined;
}
