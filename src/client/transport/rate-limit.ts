import { type Clock, steadyMs } from '../../std/clock.ts';
import type { Transport } from './transport.ts';

export interface RateLimitOptions {
  /** Requests a second in the long run (`--kube-api-qps`); 0 or less: no limit. */
  qps: number;
  /** Requests at once after a quiet time (`--kube-api-burst`). */
  burst: number;
  clock: Clock;
}

/** Lets requests through no faster than a token bucket fills; those that wait go in the order in which they came. */
export function withRateLimit(transport: Transport, options: RateLimitOptions): Transport {
  if (options.qps <= 0) return transport;
  const bucket = createTokenBucket(options);
  return {
    close: (how) => transport.close(how),
    async request(request) {
      const delayMs = bucket.take();
      if (delayMs > 0) await options.clock.sleep(delayMs, request.signal);
      return transport.request(request);
    },
  };
}

export interface TokenBucket {
  /** Takes one token, perhaps of the future, and says how long to wait for it. */
  take(): number;
  /** Takes one only if it is there now. */
  tryTake(): boolean;
  /** Whether all its tokens are there: it is then as good as a new one. */
  isFull(): boolean;
}

export interface TokenBucketOptions {
  /** Tokens a second that come back. */
  readonly qps: number;
  /** The most tokens. */
  readonly burst: number;
  readonly clock: Pick<Clock, 'now' | 'steady'>;
}

/** Starts full. Thousands of buckets may share one `options`, and cost nothing between uses. */
export function createTokenBucket(options: TokenBucketOptions): TokenBucket {
  return new Bucket(options);
}

class Bucket implements TokenBucket {
  readonly #options: TokenBucketOptions;
  /**
   * When the bucket is empty if it was filled without end: tokens there now = (now - emptyAtMs) / msPerToken. By a clock that nobody sets: one
   * that is set back would keep what comes next for as long, a node's heartbeat among it.
   */
  #emptyAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
  }

  take(): number {
    const nowMs = this.#settle();
    this.#emptyAtMs += this.#msPerToken;
    return Math.max(0, this.#emptyAtMs - nowMs);
  }

  tryTake(): boolean {
    const nowMs = this.#settle();
    if (this.#emptyAtMs + this.#msPerToken > nowMs) return false;
    this.#emptyAtMs += this.#msPerToken;
    return true;
  }

  isFull(): boolean {
    return this.#emptyAtMs <= steadyMs(this.#options.clock) - this.#capacityMs;
  }

  get #msPerToken(): number {
    return 1000 / this.#options.qps;
  }

  get #capacityMs(): number {
    return Math.max(1, this.#options.burst) * this.#msPerToken;
  }

  #settle(): number {
    const nowMs = steadyMs(this.#options.clock);
    this.#emptyAtMs = Math.max(this.#emptyAtMs, nowMs - this.#capacityMs);
    return nowMs;
  }
}
