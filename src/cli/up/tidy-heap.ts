import type { Clock } from '../../std/clock.ts';

/** Long enough for what a start leaves behind to have settled, and for whoever waited for it to have begun. */
const AFTER_START_MS = 3_000;
/** Collecting a larger heap would hold up the event loop, and V8 has collected it by itself while it grew. */
const LARGEST_HEAP_BYTES = 48 * 1024 * 1024;

export interface TidyHeapDeps {
  readonly clock: Clock;
  readonly usedHeapBytes: () => number;
  /** Collects all garbage at once, and gives memory back; undefined in a process whose V8 does not offer it (`--expose-gc`). */
  readonly collect: (() => void) | undefined;
}

/**
 * Collects once what the start of a cluster has left in V8's heap. V8 does so by itself when the heap grows, which an idle cluster's never
 * does: it would keep 17 MB, most of it room for the young objects of its start. Takes 50 to 100 ms of processor time.
 */
export function tidyHeapAfterStart({ clock, usedHeapBytes, collect }: TidyHeapDeps): { cancel(): void } {
  return clock.setTimer(AFTER_START_MS, () => {
    if (usedHeapBytes() <= LARGEST_HEAP_BYTES) collect?.();
  });
}
