import { lowerBound } from '../../std/lower-bound.ts';
import type { CachedObject } from './cached-object.ts';

const SAMPLES = 16;

/** Objects by key and in the order of their keys: what lists are cut from. */
export class SortedObjects {
  readonly #byKey = new Map<string, CachedObject>();
  #sorted: CachedObject[] = [];

  get size(): number {
    return this.#sorted.length;
  }

  get(key: string): CachedObject | undefined {
    return this.#byKey.get(key);
  }

  /** Puts an object in its place and gives back what stood there. */
  put(object: CachedObject): CachedObject | undefined {
    const previous = this.#byKey.get(object.key);
    this.#byKey.set(object.key, object);
    const last = this.#sorted.at(-1);
    if (!last || last.key < object.key) this.#sorted.push(object);
    else if (previous) this.#sorted[this.#lowerBound(object.key)] = object;
    else this.#sorted.splice(this.#lowerBound(object.key), 0, object);
    return previous;
  }

  delete(key: string): CachedObject | undefined {
    const previous = this.#byKey.get(key);
    if (!previous) return undefined;
    this.#byKey.delete(key);
    this.#sorted.splice(this.#lowerBound(key), 1);
    return previous;
  }

  /** All objects whose key begins with the prefix, in order, as an array of the caller's own. */
  range(prefix: string): CachedObject[] {
    const start = this.#lowerBound(prefix);
    // The keys are in the order of UTF-16's units here, of which this is the last: names may hold any character.
    return this.#sorted.slice(start, this.#lowerBound(`${prefix}\uffff`, start));
  }

  /** About how large an object is in the store, by a few of them. */
  averageBytes(): number {
    const all = this.#sorted;
    const step = Math.max(1, Math.floor(all.length / SAMPLES));
    let sum = 0;
    let seen = 0;
    for (let i = 0; i < all.length; i += step, seen++) sum += all[i]!.sizeBytes;
    return seen === 0 ? 0 : sum / seen;
  }

  values(): IterableIterator<CachedObject> {
    return this.#byKey.values();
  }

  all(): CachedObject[] {
    return this.#sorted.slice();
  }

  /** Index of the first object whose key is not less. */
  #lowerBound(key: string, from = 0): number {
    return lowerBound(this.#sorted.length, (i) => this.#sorted[i]!.key < key, from);
  }
}
