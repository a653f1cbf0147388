import type { Clock, Timer } from '../../std/clock.ts';

export interface KeyedRunnerOptions {
  readonly clock: Clock;
  /** Works on one key; what it answers is the delay after which to work on it again. */
  readonly work: (key: string) => Promise<number | undefined>;
  /** Told of failures; answers the delay before the next try. */
  readonly failed: (key: string, error: unknown, failures: number) => number;
}

/**
 * Works on any number of keys at a time, but on each only once at a time; a key poked meanwhile is worked on again
 * afterwards. One slow pod does not hold up the others, as it would in a queue with a fixed number of workers.
 */
export class KeyedRunner {
  #options: KeyedRunnerOptions;
  #running = new Set<string>();
  #again = new Set<string>();
  #nudged = new Set<string>();
  #timers = new Map<string, Timer>();
  #failures = new Map<string, number>();
  #stopped = false;

  constructor(options: KeyedRunnerOptions) {
    this.#options = options;
  }

  poke(key: string): void {
    if (this.#stopped) return;
    if (this.#running.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    this.#running.add(key);
    void this.#run(key);
  }

  /** The same for what can wait: a key that failed keeps the delay before its next try. */
  nudge(key: string): void {
    if (this.#running.has(key)) this.#nudged.add(key);
    else if (!this.#failures.has(key)) this.poke(key);
  }

  /** Takes no more keys. What is being worked on ends by itself, its failures told to `failed` as before. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  async #run(key: string): Promise<void> {
    let delayMs: number | undefined;
    try {
      delayMs = await this.#options.work(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      delayMs = this.#options.failed(key, error, failures);
    }
    this.#running.delete(key);
    const nudged = this.#nudged.delete(key) && !this.#failures.has(key);
    if (this.#again.delete(key) || nudged) this.poke(key);
    else if (delayMs !== undefined) this.#pokeLater(key, delayMs);
  }

  #pokeLater(key: string, delayMs: number): void {
    if (this.#stopped) return;
    const timer = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(key);
      this.poke(key);
    });
    this.#timers.set(key, timer);
  }
}
