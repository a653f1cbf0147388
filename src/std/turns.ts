/** Work that must not be done twice at a time for one key: each piece waits for those before it, whether they succeed or fail. */
export class Turns<K> {
  #last = new Map<K, Promise<unknown>>();

  /** Runs `work` when all work given before for this key has ended. */
  take<T>(key: K, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(key, mine);
    const forget = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  }

  /** Keys that have work. */
  get size(): number {
    return this.#last.size;
  }
}
