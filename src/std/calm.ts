import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { Clock } from './clock.ts';

/** So long is looked at before the event loop is called calm or busy. */
const LOOK_MS = 10;
/** Of the time: above it whatever is done more keeps somebody waiting. */
const BUSY_SHARE = 0.9;
/** So long at the most work is put off that is due on a busy event loop too. */
const LONGEST_WAIT_MS = 100;

/** Puts off what nobody waits for (Events, say) while the event loop has its hands full with what somebody does wait for. */
export interface Calm {
  /** To be awaited before such work: undefined where it may be done at once, else until there is time for it, or for a tenth of a second. */
  come(): Promise<void> | undefined;
}

export interface CalmOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  /** As Node's: what the loop did since a time, or between two. */
  readonly utilization?: (now?: EventLoopUtilization, before?: EventLoopUtilization) => EventLoopUtilization;
}

/** Looks at the event loop of this thread. */
export function createCalm({ clock, utilization = performance.eventLoopUtilization }: CalmOptions): Calm {
  let last = utilization();
  let coming: Promise<void> | undefined;
  /** Whether the loop was calm since the last look; undefined when that was just now. */
  const look = (): boolean | undefined => {
    const now = utilization();
    const since = utilization(now, last);
    if (since.idle + since.active < LOOK_MS) return undefined;
    last = now;
    return since.utilization < BUSY_SHARE;
  };
  const wait = async () => {
    for (let waitedMs = 0; waitedMs < LONGEST_WAIT_MS; waitedMs += LOOK_MS) {
      await clock.sleep(LOOK_MS);
      if (look()) return;
    }
  };
  return {
    come() {
      if (!coming) {
        if (look()) return undefined;
        coming = wait().finally(() => {
          coming = undefined;
        });
      }
      return coming;
    },
  };
}
