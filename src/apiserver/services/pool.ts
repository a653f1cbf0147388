/**
 * What of a range is in use, by offset:
 *
 *     0 ─── static band ─── │ ─────────── dynamic band ─────────── size
 *     chosen by people; given out when the rest is used up          given out first, from a random place on
 *
 * It follows the stored Services and may lag behind them: that two never get the same is what claims are for. Here it is only made unlikely.
 */
export class Pool {
  readonly size: number;
  readonly #staticBand: number;
  /** How many Services hold an offset: more than one only where a store was written by something else. */
  readonly #held = new Map<number, number>();
  /** Picked by writes that are under way. */
  readonly #reserved = new Map<number, number>();

  constructor({ size, staticBand }: { readonly size: number; readonly staticBand: number }) {
    this.size = size;
    this.#staticBand = staticBand;
  }

  hold(offset: number): void {
    count(this.#held, offset, 1);
  }

  release(offset: number): void {
    count(this.#held, offset, -1);
  }

  isHeld(offset: number): boolean {
    return this.#held.has(offset);
  }

  reserve(offset: number): void {
    count(this.#reserved, offset, 1);
  }

  unreserve(offset: number): void {
    count(this.#reserved, offset, -1);
  }

  /** One that nobody has and that is not to be avoided; undefined when there is none. Looks at no more than are in use. */
  pick(random: () => number, avoid: ReadonlySet<number>): number | undefined {
    const isFree = (offset: number) => !this.#held.has(offset) && !this.#reserved.has(offset) && !avoid.has(offset);
    return find(this.#staticBand, this.size, random, isFree) ?? find(0, this.#staticBand, random, isFree);
  }
}

function find(from: number, to: number, random: () => number, isFree: (offset: number) => boolean): number | undefined {
  const length = to - from;
  const start = Math.floor(random() * length);
  for (let i = 0; i < length; i++) {
    const offset = from + ((start + i) % length);
    if (isFree(offset)) return offset;
  }
  return undefined;
}

function count(counts: Map<number, number>, offset: number, change: 1 | -1): void {
  const after = (counts.get(offset) ?? 0) + change;
  if (after > 0) counts.set(offset, after);
  else counts.delete(offset);
}
