/** Ranges of costs and sizes. What overflows Go's uint64 stays at its largest value. */
const LARGEST = 2 ** 64;

export interface Range {
  readonly min: number;
  readonly max: number;
}
export type CostEstimate = Range;

export const UNKNOWN: Range = { min: 0, max: LARGEST };
export const NOTHING: Range = { min: 0, max: 0 };
export const ONE: Range = { min: 1, max: 1 };
export const fixed = (value: number): Range => ({ min: value, max: value });
const capped = (value: number) => Math.min(value, LARGEST);

export function add(...ranges: readonly Range[]): Range {
  let [min, max] = [0, 0];
  for (const range of ranges) {
    min = capped(min + range.min);
    max = capped(max + range.max);
  }
  return { min, max };
}
export const multiply = (a: Range, b: Range): Range => ({ min: capped(a.min * b.min), max: capped(a.max * b.max) });
export const scale = (a: Range, factor: number): Range => ({
  min: capped(Math.ceil(a.min * factor)),
  max: capped(Math.ceil(a.max * factor)),
});
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });
