import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Clock, steadyMs, type Timer } from '../../../std/clock.ts';
import { type Component, deferred } from '../../../std/lifecycle.ts';
import type { Logger } from '../../../std/logger.ts';

/** One manifest: where it was read, and its text or why it cannot be read. */
export interface Manifest {
  readonly origin: string;
  readonly text?: string;
  readonly error?: Error;
}

export interface ManifestFilesOptions {
  /** A directory of manifests, or one file. */
  readonly path: string;
  /** `fileCheckFrequency`: for what the kernel does not tell. */
  readonly checkMs: number;
  readonly onChange: (manifests: readonly Manifest[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For tests. Default: the kernel's. */
  readonly watchDirectory?: (path: string, onChange: () => void) => FSWatcher;
}

/** Files are written in more than one step. */
const SETTLE_MS = 100;
/** Who writes to the directory all the time keeps nobody from reading it. */
const LONGEST_SETTLE_MS = 2000;
const LARGEST_FILE = 10 << 20;

/** Reads manifests when they change. `start` resolves after the first look. */
export function createManifestFiles(options: ManifestFilesOptions): Component {
  const { path, checkMs, onChange, clock, logger } = options;
  const watchDirectory = options.watchDirectory ?? ((at, changed) => watch(at, { persistent: false }, changed));
  const done = deferred();
  let timer: Timer | undefined;
  let looking = Promise.resolve();
  let watcher: FSWatcher | undefined;
  let ended = false;
  /** When something changed that has not been looked at yet. */
  let changedMs: number | undefined;

  function lookIn(delayMs: number): void {
    timer?.cancel();
    if (!ended) timer = clock.setTimer(delayMs, look);
  }

  function lookSoon(): void {
    const nowMs = steadyMs(clock);
    changedMs ??= nowMs;
    lookIn(Math.max(0, Math.min(SETTLE_MS, changedMs + LONGEST_SETTLE_MS - nowMs)));
  }

  function look(): void {
    looking = looking.then(async () => {
      if (ended) return;
      changedMs = undefined;
      try {
        watchNow();
        await onChange(await readManifests(path));
      } catch (error) {
        logger.error('Unable to read config path; the static pods stay as they are', { path, err: error });
      }
      if (changedMs === undefined) lookIn(checkMs);
      else lookSoon();
    });
  }

  /** Begins to watch as soon as there is something to watch; a directory that is made anew is watched anew. */
  function watchNow(): void {
    if (watcher) return;
    try {
      watcher = watchDirectory(path, lookSoon);
      const again = () => {
        watcher?.close();
        watcher = undefined;
      };
      watcher.on('error', again);
      watcher.on('close', again);
      watcher.on('change', (event, name) => {
        // A file that was put in the place of the watched one, or a directory that went.
        if (event === 'rename' && name === basename(path)) again();
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        logger.warn('Cannot watch static pods; they are read from time to time', { path: dirname(path), err: error });
    }
  }

  return {
    name: `manifests in ${path}`,
    async start(signal) {
      signal.addEventListener(
        'abort',
        () => {
          ended = true;
          timer?.cancel();
          watcher?.close();
          looking.then(done.resolve, done.reject);
        },
        { once: true },
      );
      signal.throwIfAborted();
      look();
      await looking;
    },
    done: done.promise,
  };
}

/** None where there is nothing at `path`. Files whose names begin with a dot are not manifests. */
export async function readManifests(path: string): Promise<readonly Manifest[]> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (!stats) return [];
  if (!stats.isDirectory()) return [await readManifest(path)];
  const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
  const manifests = await Promise.all(names.map((name) => readManifest(join(path, name))));
  return manifests.filter(({ text, error }) => text !== undefined || error);
}

async function readManifest(origin: string): Promise<Manifest> {
  try {
    const stats = await stat(origin);
    if (stats.isDirectory()) return { origin };
    if (!stats.isFile()) return { origin, error: new Error('it is no regular file') };
    if (stats.size > LARGEST_FILE) return { origin, error: new Error(`it is larger than ${LARGEST_FILE} bytes`) };
    return { origin, text: await readFile(origin, 'utf8') };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { origin };
    return { origin, error: error as Error };
  }
}
