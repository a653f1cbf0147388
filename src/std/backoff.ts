export interface BackoffOptions {
  /** First delay. */
  initialMs: number;
  /** No delay is longer, before jitter. */
  maxMs: number;
  /** What a delay is multiplied by after each failure. Default 2. */
  factor?: number;
  /** A delay grows by up to this share of itself, at random. Default 0.1. */
  jitter?: number;
  /** Numbers in [0, 1). */
  random?: () => number;
}

/** Delays that grow with each failure until `reset`. */
export class Backoff {
  #options: Required<BackoffOptions>;
  #nextMs: number;

  constructor(options: BackoffOptions) {
    this.#options = { factor: 2, jitter: 0.1, random: Math.random, ...options };
    this.#nextMs = this.#options.initialMs;
  }

  /** The delay before the next attempt, in milliseconds. */
  next(): number {
    const { factor, jitter, maxMs, random } = this.#options;
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(maxMs, delayMs * factor);
    return delayMs * (1 + jitter * random());
  }

  reset(): void {
    this.#nextMs = this.#options.initialMs;
  }
}
