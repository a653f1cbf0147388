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
  /** Keys that wait now. */
  depth: () => number;
}

/** The counts of all loops of one controller manager, read by `/metrics`. */
export class LoopMetrics {
  readonly #loops = new Map<string, LoopCounts>();

  /** The counts of the loop `name`, begun when it is new. */
  loop(name: string): LoopCounts {
    let counts = this.#loops.get(name);
    if (!counts) {
      const durations = new Array<number>(DURATION_BUCKETS_SECONDS.length + 1).fill(0);
      counts = { adds: 0, retries: 0, errors: 0, durations, durationSumSeconds: 0, depth: () => 0 };
      this.#loops.set(name, counts);
    }
    return counts;
  }

  entries(): IterableIterator<[string, LoopCounts]> {
    return this.#loops.entries();
  }
}

/** Counts one ended piece of work. */
export function countDuration(counts: LoopCounts, durationMs: number): void {
  const seconds = durationMs / 1000;
  const bucket = DURATION_BUCKETS_SECONDS.findIndex((bound) => seconds <= bound);
  counts.durations[bucket < 0 ? DURATION_BUCKETS_SECONDS.length : bucket]! += 1;
  counts.durationSumSeconds += seconds;
}
