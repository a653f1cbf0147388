import { lowerBound } from '../../std/lower-bound.ts';
import { compareKeys } from '../key-order.ts';

const BLOCK_SIZE = 512;

/**
 * A set of keys kept in UTF-8 order.
 *
 *     blocks: [a … c] [d … k] [m … z]      each sorted, none empty, at most 512 keys
 *
 * A key is found by halving, first among the blocks' first keys, then inside one block; adding moves at most a block. Counting a
 * range adds block lengths.
 */
export class SortedKeys {
  readonly #blocks: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a key; false when it was there. */
  add(key: string): boolean {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (!block) {
      this.#blocks.push([key]);
      this.#size++;
      return true;
    }
    const position = positionOf(block, key);
    if (block[position] === key) return false;
    block.splice(position, 0, key);
    this.#size++;
    if (block.length > BLOCK_SIZE) this.#split(at, position === block.length - 1);
    return true;
  }

  /** Removes a key; false when it was not there. */
  delete(key: string): boolean {
    const at = this.#blockOf(key);
    const block = this.#blocks[at];
    if (!block) return false;
    const position = positionOf(block, key);
    if (block[position] !== key) return false;
    block.splice(position, 1);
    if (block.length === 0) this.#blocks.splice(at, 1);
    this.#size--;
    return true;
  }

  /** How many keys lie in [from, to); without `to`, to the end. */
  count(from: string, to: string | undefined): number {
    return Math.max(0, (to === undefined ? this.#size : this.#rank(to)) - this.#rank(from));
  }

  /** Calls `visit` with the keys of [from, to) in order, until it returns false. The set must not be changed meanwhile. */
  scan(from: string, to: string | undefined, visit: (key: string) => boolean): void {
    let at = this.#blockOf(from);
    let position = at < this.#blocks.length ? positionOf(this.#blocks[at]!, from) : 0;
    for (; at < this.#blocks.length; at++, position = 0) {
      const block = this.#blocks[at]!;
      for (; position < block.length; position++) {
        const key = block[position]!;
        if ((to !== undefined && compareKeys(key, to) >= 0) || !visit(key)) return;
      }
    }
  }

  #rank(key: string): number {
    const at = this.#blockOf(key);
    let rank = 0;
    for (let i = 0; i < at; i++) rank += this.#blocks[i]!.length;
    const block = this.#blocks[at];
    return block ? rank + positionOf(block, key) : rank;
  }

  /** The last block whose first key is <= key; the first one when there is none. */
  #blockOf(key: string): number {
    const behind = lowerBound(this.#blocks.length, (i) => compareKeys(this.#blocks[i]![0]!, key) <= 0);
    return Math.max(0, behind - 1);
  }

  #split(at: number, appending: boolean): void {
    const block = this.#blocks[at]!;
    // Keys that come in ascending order leave full blocks behind, not half-empty ones.
    this.#blocks.splice(at + 1, 0, block.splice(appending ? block.length - 1 : block.length >>> 1));
  }
}

const positionOf = (keys: readonly string[], key: string) => lowerBound(keys.length, (i) => compareKeys(keys[i]!, key) < 0);
