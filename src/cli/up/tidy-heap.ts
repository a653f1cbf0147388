import type { Clock, Timer } from '../../std/clock.ts';
import { steadyMs } from '../../std/clock.ts';

const MIB = 1024 * 1024;
/** Long enough for what a start leaves behind to have settled, and for whoever waited for it to have begun. */
const AFTER_START_MS = 3_000;
/** Right after a start somebody may be about to use the cluster: collecting a larger heap would hold up the event loop for longer than he notices. */
const LARGEST_AFTER_START_BYTES = 48 * MIB;

const PERIOD_MS = 30_000;
/** Of its processors: V8 collects with several threads, and all wait for the one that does not get a processor. */
const FREE_MACHINE_LOAD = 0.75;
/** So many periods in a row: the watch cache forgets the changes of a burst after 75 s, and only then is most of it garbage. */
const CALM_PERIODS = 4;
/** Of a processor: a thousand idle nodes take a quarter of one. */
const CALM_SHARE = 0.5;
/** Room for young objects takes up to 48 MiB of it at any time. */
const LEAST_FREE_BYTES = 96 * MIB;
/** It holds up the event loop for about 1 ms for each MiB that lives. */
const LARGEST_WHEN_CALM_BYTES = 512 * MIB;
const LEAST_PAUSE_MS = 600_000;

export interface HeapUse {
  /** With what is garbage and was not collected yet. */
  readonly usedBytes: number;
  /** What V8 has of the system for it. */
  readonly heldBytes: number;
}

export interface TidyHeapDeps {
  readonly clock: Clock;
  readonly heapUse: () => HeapUse;
  /** Processor time of the process so far. */
  readonly processorMs: () => number;
  /** How many run or want to run on the machine, for each of its processors. */
  readonly machineLoad: () => number;
  /** Collects all garbage at once, and gives memory back; undefined in a process whose V8 does not offer it (`--expose-gc`). */
  readonly collect: (() => void) | undefined;
}

/**
 * Collects what V8 would keep: it gives memory back when its heap grows again, which an idle cluster's never does. Once after the start of a small
 * cluster, which left 17 MB, most of it room for the young objects of its start (50 to 100 ms of processor time); and whenever V8 holds far more than it
 * uses while little is going on, as after a thousand nodes or ten thousand pods came, which leave twice what they need.
 */
export function tidyHeap(deps: TidyHeapDeps): { cancel(): void } {
  const { clock, heapUse, processorMs, machineLoad, collect } = deps;
  if (!collect) return { cancel: () => undefined };
  const afterStart = clock.setTimer(AFTER_START_MS, () => {
    if (heapUse().usedBytes <= LARGEST_AFTER_START_BYTES) collect();
  });
  let timer: Timer;
  let calmPeriods = 0;
  let collectedMs = Number.NEGATIVE_INFINITY;
  let last = { atMs: steadyMs(clock), processorMs: processorMs() };
  const look = () => {
    const now = { atMs: steadyMs(clock), processorMs: processorMs() };
    const share = (now.processorMs - last.processorMs) / (now.atMs - last.atMs);
    last = now;
    calmPeriods = share <= CALM_SHARE && machineLoad() <= FREE_MACHINE_LOAD ? calmPeriods + 1 : 0;
    const { usedBytes, heldBytes } = heapUse();
    const isWorthIt = heldBytes - usedBytes >= LEAST_FREE_BYTES && usedBytes <= LARGEST_WHEN_CALM_BYTES;
    if (calmPeriods >= CALM_PERIODS && isWorthIt && now.atMs - collectedMs >= LEAST_PAUSE_MS) {
      collectedMs = now.atMs;
      collect();
    }
    timer = clock.setTimer(PERIOD_MS, look);
  };
  timer = clock.setTimer(PERIOD_MS, look);
  return {
    cancel() {
      afterStart.cancel();
      timer.cancel();
    },
  };
}
