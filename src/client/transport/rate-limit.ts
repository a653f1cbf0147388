import type { Clock } from '../../std/clock.ts';
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
}

/** Starts full. Keeps only when it will have been full, so that thousands of buckets cost nothing between uses. */
export function createTokenBucket({ qps, burst, clock }: { qps: number; burst: number; clock: Pick<Clock, 'now'> }): TokenBucket {
  const msPerToken = 1000 / qps;
  const capacityMs = Math.max(1, burst) * msPerToken;
  /** When the bucket is empty if it was filled without end: tokens there now = (now - emptyAtMs) / msPerToken. */
  let emptyAtMs = Number.NEGATIVE_INFINITY;
  const settle = () => {
    emptyAtMs = Math.max(emptyAtMs, clock.now() - capacityMs);
    return clock.now();
  };
  return {
    take() {
      const nowMs = settle();
      emptyAtMs += msPerToken;
      return Math.max(0, emptyAtMs - nowMs);
    },
    tryTake() {
      const nowMs = settle();
      if (emptyAtMs + msPerToken > nowMs) return false;
      emptyAtMs += msPerToken;
      return true;
    },
  };
}
