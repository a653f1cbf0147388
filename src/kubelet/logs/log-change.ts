import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '../../std/clock.ts';

/** Tells when something happened in a log's directory, or that it is time to look again anyway. */
export interface LogChanges extends Disposable {
  /** Resolves at the next change, at once when there was one since the last call, and after `atMostMs`. */
  next(atMostMs: number, signal: AbortSignal): Promise<void>;
}

/** Watches with inotify; where that cannot be had (its instances are counted), only time passes. */
export function watchLogs(directory: string, clock: Clock): LogChanges {
  let changed = false;
  let wake: () => void = () => undefined;
  let watcher: FSWatcher | undefined;
  const stop = () => {
    watcher?.close();
    watcher = undefined;
  };
  try {
    watcher = watch(directory, { persistent: false }, () => {
      changed = true;
      wake();
    });
    watcher.on('error', stop);
  } catch {
    // The reader looks again after a while all the same.
  }
  return {
    async next(atMostMs, signal) {
      signal.throwIfAborted();
      if (!changed) {
        const ended = new AbortController();
        const waiting = clock.sleep(atMostMs, AbortSignal.any([signal, ended.signal]));
        const change = new Promise<void>((resolve) => {
          wake = resolve;
        });
        try {
          await Promise.race([change, waiting]);
        } finally {
          ended.abort();
          waiting.catch(() => undefined); // ended by the line above, or rejected already
        }
      }
      changed = false;
    },
    [Symbol.dispose]: stop,
  };
}
