import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '../std/clock.ts';
import { type Component, deferred } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';

export interface FileWatchOptions {
  /** Files that belong together: a certificate and its key. */
  readonly paths: readonly string[];
  /** What they held when they were read before, in the same order. */
  readonly contents: readonly string[];
  /** Takes new contents over. What it throws is logged, the files are looked at again later, and what was in use stays in use. */
  readonly onChange: (contents: readonly string[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For what the kernel does not tell: file systems of other machines, links into other directories. */
const LOOK_AGAIN_MS = 60_000;
/** A file is written in more than one step. */
const SETTLE_MS = 50;
/** How Kubernetes replaces a whole directory of files at once. */
const DIRECTORY_LINK = '..data';

/** Rereads files when they change: those of certificates, which others renew. */
export function createFileWatch(options: FileWatchOptions): Component {
  const { paths, clock, logger } = options;
  const done = deferred();
  const names = new Set([...paths.map((path) => basename(path)), DIRECTORY_LINK]);
  let known = options.contents;
  let timer: Timer | undefined;
  let reading: Promise<void> | undefined;
  let ended = false;

  function lookIn(delayMs: number): void {
    timer?.cancel();
    timer = clock.setTimer(delayMs, () => void look());
  }

  async function look(): Promise<void> {
    reading = (reading ?? Promise.resolve()).then(reread);
    await reading;
    if (!ended) lookIn(LOOK_AGAIN_MS);
  }

  async function reread(): Promise<void> {
    if (ended) return;
    try {
      const contents = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
      if (ended || contents.every((text, i) => text === known[i])) return;
      options.onChange(contents);
      known = contents;
      logger.info('Reloaded files that have changed', { paths: paths.join(',') });
    } catch (error) {
      logger.warn('Files that have changed cannot be used; the ones before stay in use', { paths: paths.join(','), err: error });
    }
  }

  return {
    name: `watch of ${paths.join(', ')}`,
    async start(signal) {
      const watchers: FSWatcher[] = [];
      for (const directory of new Set(paths.map((path) => dirname(path))))
        try {
          const watcher = watch(directory, { persistent: false }, (_event, name) => {
            if (name === null || names.has(name)) lookIn(SETTLE_MS);
          });
          watcher.on('error', (error) =>
            logger.warn('Cannot watch a directory; its files are read every minute', { directory, err: error }),
          );
          watchers.push(watcher);
        } catch (error) {
          logger.warn('Cannot watch a directory; its files are read every minute', { directory, err: error });
        }
      lookIn(LOOK_AGAIN_MS);
      const stop = () => {
        ended = true;
        timer?.cancel();
        for (const watcher of watchers) watcher.close();
        done.resolve();
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    },
    done: done.promise,
  };
}
