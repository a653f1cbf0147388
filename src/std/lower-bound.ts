/**
 * Where a search in order ends: the first index from `from` on of which `isBefore` does not hold, else `length`. It must hold of none behind
 * one of which it does not.
 */
export function lowerBound(length: number, isBefore: (index: number) => boolean, from = 0): number {
  let low = from;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
