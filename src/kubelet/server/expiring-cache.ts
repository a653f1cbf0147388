import { type Clock, steadyMs } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

const MOST_OPEN = 512;

/**
 * Answers that stay good for a while, at most `capacity` of them (the oldest goes first). Questions asked at the same time
 * are asked once, and no more than `MOST_OPEN` are open: a flood of wrong tokens must not wait in memory for the API server.
 * Failures are not remembered.
 */
export class ExpiringCache<T> {
  #entries = new Map<string, { value: T; untilMs: number }>();
  #asked = new Map<string, Promise<T>>();
  #options: { clock: Clock; capacity: number; ttlMs: (value: T) => number };

  constructor(options: { clock: Clock; capacity: number; ttlMs: (value: T) => number }) {
    this.#options = options;
  }

  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const { clock, ttlMs } = this.#options;
    const entry = this.#entries.get(key);
    if (entry && entry.untilMs > steadyMs(clock)) return entry.value;
    const running = this.#asked.get(key);
    if (running !== undefined) return running;
    if (this.#asked.size >= MOST_OPEN)
      throw new CodedError('too many questions to the API server are open', { code: 'TOO_MANY_REVIEWS' });
    const asking = ask().finally(() => this.#asked.delete(key));
    this.#asked.set(key, asking);
    const value = await asking;
    this.#remember(key, value, steadyMs(clock) + ttlMs(value));
    return value;
  }

  #remember(key: string, value: T, untilMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs });
    if (this.#entries.size <= this.#options.capacity) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
