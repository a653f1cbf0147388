import type { Pool } from './pool.ts';

/** What one write takes out of a pool. */
export class Taking {
  readonly #pool: Pool;
  readonly #random: () => number;
  readonly #taken = new Set<number>();
  /** Found to be taken although the pool does not know. */
  readonly #avoid = new Set<number>();

  constructor(pool: Pool, random: () => number) {
    this.#pool = pool;
    this.#random = random;
  }

  get taken(): ReadonlySet<number> {
    return this.#taken;
  }

  /** Takes the one that was asked for; false when it is in use, or taken by this very write. */
  take(offset: number): boolean {
    if (this.#pool.isHeld(offset) || this.#taken.has(offset) || this.#avoid.has(offset)) return false;
    this.#add(offset);
    return true;
  }

  /** Takes any; undefined when all are in use. */
  next(): number | undefined {
    const offset = this.#pool.pick(this.#random, this.#avoid);
    if (offset !== undefined) this.#add(offset);
    return offset;
  }

  /** Never again: somebody else has it. */
  avoid(offset: number): void {
    this.#avoid.add(offset);
  }

  /** Lets go of all, to begin again or because the write has ended. */
  clear(): void {
    for (const offset of this.#taken) this.#pool.unreserve(offset);
    this.#taken.clear();
  }

  #add(offset: number): void {
    this.#taken.add(offset);
    this.#pool.reserve(offset);
  }
}
