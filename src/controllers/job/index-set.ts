import { parseIndexes } from '../../api/batch/v1/index-ranges.ts';

/** Indexes of a Job as its status tells them, `1,3-5`. What cannot be read counts for none: the status is rewritten. */
export function readIndexes(text: string | undefined, completions: number): Set<number> {
  const parsed = parseIndexes(text ?? '', completions);
  const found = new Set<number>();
  if ('error' in parsed) return found;
  for (const { from, to } of parsed.ranges) for (let index = from; index <= to; index++) found.add(index);
  return found;
}

/** The text of a set of indexes: three in a row or more are a range. */
export function writeIndexes(indexes: ReadonlySet<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    if (end - i >= 2) parts.push(`${sorted[i]}-${sorted[end]}`);
    else for (let k = i; k <= end; k++) parts.push(String(sorted[k]));
    i = end + 1;
  }
  return parts.join(',');
}
