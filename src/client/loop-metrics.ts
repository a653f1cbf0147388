import type { Metric } from '../std/metric.ts';

/** Upper bounds, in seconds, of the buckets that work durations are counted in (as controller-runtime's and client-go's queues have them). */
export const DURATION_BUCKETS_SECONDS = [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60] as const;

/** What one reconciling loop has done so far. Plain numbers: counting must cost nothing when nobody looks. */
export interface LoopCounts {
  adds: number;
  retries: number;
  errors: number;
  /** Work that has ended, by bucket of `DURATION_BUCKETS_SECONDS`, the last one being +Inf. Not cumulative. */
  readonly durations: number[];
  durationSumSeconds: number;
  /** Times that keys waited until they were worked on, counted as durations are. */
  readonly waits: number[];
  waitSumSeconds: number;
  /** Since when (performance.now) each piece of work is going on. */
  readonly running: Set<{ readonly sinceMs: number }>;
  /** Keys that wait now. */
  depth: () => number;
}

/** The counts of all loops of one controller manager, read by `/metrics`. */
export class LoopMetrics {
  readonly #loops = new Map<string, LoopCounts>();
  readonly #own = new Map<string, Metric>();

  /** The counts of the loop `name`, begun when it is new. */
  loop(name: string): LoopCounts {
    let counts = this.#loops.get(name);
    if (!counts) {
      const [durations, waits] = [noBuckets(), noBuckets()];
      const sums = { durationSumSeconds: 0, waitSumSeconds: 0 };
      counts = { adds: 0, retries: 0, errors: 0, durations, waits, ...sums, running: new Set(), depth: () => 0 };
      this.#loops.set(name, counts);
    }
    return counts;
  }

  /** A metric of one component's own, made when it is first asked for and kept over its terms. */
  own<T extends Metric>(name: string, make: () => T): T {
    const metric = (this.#own.get(name) as T | undefined) ?? make();
    this.#own.set(name, metric);
    return metric;
  }

  ownText(): string {
    return [...this.#own.values()].map((metric) => metric.render()).join('');
  }

  entries(): IterableIterator<[string, LoopCounts]> {
    return this.#loops.entries();
  }
}

const noBuckets = () => new Array<number>(DURATION_BUCKETS_SECONDS.length + 1).fill(0);

function bucketOf(seconds: number): number {
  const bucket = DURATION_BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
  return bucket < 0 ? DURATION_BUCKETS_SECONDS.length : bucket;
}

/** Counts one ended piece of work. */
export function countDuration(counts: LoopCounts, durationMs: number): void {
  counts.durations[bucketOf(durationMs / 1000)]! += 1;
  counts.durationSumSeconds += durationMs / 1000;
}

/** Counts a key that was due and is worked on now. */
export function countWait(counts: LoopCounts, durationMs: number): void {
  counts.waits[bucketOf(durationMs / 1000)]! += 1;
  counts.waitSumSeconds += durationMs / 1000;
}
