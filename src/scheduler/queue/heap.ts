/**
 * A binary heap: the smallest of what is in it comes out first. `before` must be a strict order.
 *
 *     [0]            each is before its two below:
 *    [1] [2]         i ─► 2i+1, 2i+2
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get first(): T | undefined {
    return this.#items[0];
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  push(item: T): void {
    if (this.#places.has(item)) return;
    this.#items.push(item);
    this.#places.set(item, this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.delete(first);
    return first;
  }

  delete(item: T): boolean {
    const at = this.#places.get(item);
    if (at === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop()!;
    if (at < this.#items.length) {
      this.#put(last, at);
      this.#up(at);
      this.#down(this.#places.get(last)!);
    }
    return true;
  }

  values(): Iterable<T> {
    return this.#items.values();
  }

  #put(item: T, at: number): void {
    this.#items[at] = item;
    this.#places.set(item, at);
  }

  #up(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, above)) return;
      at = above;
    }
  }

  #down(from: number): void {
    for (let at = from; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      if (left >= this.#items.length) return;
      const smaller = right < this.#items.length && this.#before(this.#items[right]!, this.#items[left]!) ? right : left;
      if (!this.#swapIfBefore(smaller, at)) return;
      at = smaller;
    }
  }

  #swapIfBefore(low: number, high: number): boolean {
    const [below, above] = [this.#items[low]!, this.#items[high]!];
    if (!this.#before(below, above)) return false;
    this.#put(below, high);
    this.#put(above, low);
    return true;
  }
}
