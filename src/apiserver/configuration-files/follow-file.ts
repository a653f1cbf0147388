import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ReloadObserver } from './reload-metrics.ts';

export interface FollowOptions {
  /** What the file is, in the log: `encryption config`. */
  readonly what: string;
  readonly path: string;
  /** Of what is read besides: changes there are told as well. */
  readonly more?: readonly string[];
  /** What is in effect. */
  readonly text: string;
  readonly read: () => Promise<string>;
  /** Takes what the file says now. What it rejects with is logged, and what was good goes on. */
  readonly apply: (text: string) => Promise<void>;
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly logger: Logger;
  /** Whether changes are told by the system, too, and not seen once a minute alone. Default false. */
  readonly atOnce?: boolean;
  readonly observer?: ReloadObserver;
}

/** As upstream: files are looked at again once a minute. */
const LOOK_MS = 60_000;

/** Has a file's new contents applied, one after the other, until it is closed. */
export function followFile({
  what,
  path,
  text,
  read,
  apply,
  clock,
  logger,
  atOnce = false,
  observer,
  more = [],
}: FollowOptions): {
  close(): void;
} {
  let current = text;
  let closed = false;
  let timer: Timer | undefined;
  let looking: Promise<void> | undefined;
  let again = false;

  const look = async () => {
    try {
      const newer = await read();
      if (newer === current || closed) return;
      await apply(newer);
      current = newer;
      observer?.reloaded(newer);
      logger.info(`Loaded new ${what} content`, { path });
    } catch (error) {
      // Half written, or wrong.
      observer?.failed();
      logger.error(`cannot load the ${what} again`, { path, error });
    }
  };
  const lookOnce = async (): Promise<void> => {
    again = looking !== undefined;
    looking ??= look().finally(() => {
      looking = undefined;
      if (again && !closed) void lookOnce();
    });
    await looking;
  };
  const schedule = () => {
    timer = clock.setTimer(LOOK_MS, () => void lookOnce().then(() => closed || schedule()));
  };
  schedule();
  // The directory, since editors and ConfigMap volumes put a new file in the old one's place.
  const directories = atOnce ? new Set([path, ...more].map((each) => dirname(each))) : [];
  const watchers = [...directories].map((directory) => watchDirectory(directory, () => void lookOnce()));
  return {
    close() {
      closed = true;
      timer?.cancel();
      for (const watcher of watchers) watcher?.close();
    },
  };
}

/** Undefined where the system cannot tell: then the file is looked at once a minute. */
function watchDirectory(directory: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, changed);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
