import type { Clock } from './clock.ts';

export interface SyncRunnerOptions {
  readonly clock: Clock;
  /** Least time between the ends of two runs that changes ask for; a burst of two runs at once. */
  readonly minIntervalMs: number;
  /** A run at least so often. */
  readonly maxIntervalMs: number;
  readonly retryMs: number;
  /** Rejects when it is to be run again. */
  run(why: 'change' | 'period'): Promise<void>;
}

/**
 * Runs a job when something has changed, never twice at a time and not too often: however many changes come while it waits or works,
 * one more run sees them all.
 */
export async function runSyncs(requested: ChangeSignal, signal: AbortSignal, options: SyncRunnerOptions): Promise<void> {
  const { clock, minIntervalMs, maxIntervalMs, retryMs } = options;
  let credit = 2;
  let lastMs = clock.now();
  let waitMs: number | undefined = 0;
  while (!signal.aborted) {
    const changed = await requested.wait(clock, waitMs ?? maxIntervalMs, signal);
    if (signal.aborted) return;
    if (changed && minIntervalMs > 0) {
      credit = Math.min(2, credit + (clock.now() - lastMs) / minIntervalMs);
      lastMs = clock.now();
      if (credit < 1) {
        // Rejects only when aborted, which ends the loop.
        await clock.sleep((1 - credit) * minIntervalMs, signal).catch(() => undefined);
        if (signal.aborted) return;
        requested.clear();
        credit = 1;
        lastMs = clock.now();
      }
      credit--;
    }
    try {
      await options.run(changed || waitMs !== undefined ? 'change' : 'period');
      waitMs = undefined;
    } catch {
      // The job has told what went wrong.
      waitMs = retryMs;
    }
  }
}

/** Remembers that something has changed until somebody looks. */
export class ChangeSignal {
  #set = false;
  #wake: (() => void) | undefined;

  set(): void {
    this.#set = true;
    this.#wake?.();
  }

  clear(): void {
    this.#set = false;
  }

  get isSet(): boolean {
    return this.#set;
  }

  /** True after a change, which is forgotten then; false after `atMostMs` without one, or when aborted. */
  async wait(clock: Clock, atMostMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#set && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = () => {
          timer.cancel();
          signal.removeEventListener('abort', wake);
          resolve();
        };
        const timer = clock.setTimer(atMostMs, wake);
        signal.addEventListener('abort', wake);
        this.#wake = wake;
      });
      this.#wake = undefined;
    }
    const changed = this.#set;
    this.#set = false;
    return changed;
  }
}
