import { Pace, type Steps } from './pauses.ts';

/** What is sorted at once, or put in its place between two pauses: some milliseconds. */
const PART = 8192;

/** As `toSorted`, with pauses in a long list: parts of it are sorted, and joined two by two. Items that are equal stay in their order. */
export function* sortInSteps<T>(items: readonly T[], compare: (a: T, b: T) => number, part = PART): Steps<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < items.length; from += part) {
    if (from > 0) yield;
    runs.push(items.slice(from, from + part).sort(compare));
  }
  const pace = new Pace(part);
  while (runs.length > 1) {
    const joined: T[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [one, other] = [runs[i]!, runs[i + 1]];
      joined.push(other ? yield* join(one, other, compare, pace) : one);
    }
    runs = joined;
  }
  return runs[0] ?? [];
}

function* join<T>(one: readonly T[], other: readonly T[], compare: (a: T, b: T) => number, pace: Pace): Steps<T[]> {
  const joined: T[] = [];
  let next = 0;
  for (const item of one) {
    while (next < other.length && compare(other[next]!, item) < 0) joined.push(other[next++]!);
    joined.push(item);
    if (pace.due(1)) yield;
  }
  for (; next < other.length; next++) joined.push(other[next]!);
  return joined;
}
