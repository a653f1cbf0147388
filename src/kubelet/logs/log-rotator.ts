import { constants, createWriteStream } from 'node:fs';
import { lutimes, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { parseDuration } from '../../api/machinery/duration.ts';
import { parseQuantity, quantityValue } from '../../api/machinery/quantity.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { rotatedFiles, rotationTime } from './rotated-files.ts';
import { planRotation } from './rotation-plan.ts';

export interface LogRotatorOptions {
  readonly runtime: Pick<Runtime, 'list' | 'logs'>;
  readonly configuration: KubeletConfiguration;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Less than that is none: the longest line that runtimes write at once. */
const LEAST_ROOM_BYTES = 16 << 10;

interface RotationLimits {
  readonly maxSizeBytes: number;
  readonly maxFiles: number;
  readonly workers: number;
  readonly intervalMs: number;
}

export interface LogRotator extends Component {
  /** Looks at every running container once; what fails for one is logged and keeps nobody else from it. */
  rotateAll(signal: AbortSignal): Promise<void>;
}

/**
 * Keeps the logs of running containers within `containerLogMaxSize` and `containerLogMaxFiles`, looking every
 * `containerLogMonitorInterval`. A negative size turns it off.
 */
export function createLogRotator(options: LogRotatorOptions): LogRotator {
  const { runtime, clock, logger } = options;
  const limits = limitsOf(options.configuration);
  const done = deferred();
  /** Logs that a crash may have left half rotated, before they are looked at the first time. */
  const tidied = new Set<string>();

  async function rotateAll(signal: AbortSignal): Promise<void> {
    const { containers } = await runtime.list();
    const waiting = containers.filter(({ phase }) => phase === 'running').map(({ id }) => id);
    const known = new Set(waiting);
    for (const id of tidied) if (!known.has(id)) tidied.delete(id);
    const work = async () => {
      for (let id = waiting.shift(); id !== undefined && !signal.aborted; id = waiting.shift()) {
        try {
          await look(id);
        } catch (error) {
          logger.error('Failed to rotate log for container', { containerID: id, err: error });
        }
      }
    };
    await Promise.all(Array.from({ length: limits.workers }, work));
  }

  async function look(id: string): Promise<void> {
    const path = await runtime.logs?.pathOf(id);
    if (!path) return;
    if (!tidied.has(id)) {
      for (const unused of (await rotatedFiles(path)).unused) await rm(unused, { force: true });
      tidied.add(id);
    }
    if ((await sizeOf(path, id)) >= limits.maxSizeBytes) await rotate(path, id);
    else await makeRoom(path);
  }

  /** On a full disk the log cannot grow to the size at which it would be put aside: its oldest part goes instead. */
  async function makeRoom(path: string): Promise<void> {
    const { bfree, bsize } = await statfs(dirname(path));
    if (bfree * bsize >= LEAST_ROOM_BYTES) return;
    const [oldest] = (await rotatedFiles(path)).files;
    if (!oldest) return;
    logger.warn('No space left for container logs, removing an old one', { path: oldest.path });
    await rm(oldest.path, { force: true });
  }

  /** A log that is not there has been put aside by a kubelet that ended before the runtime made a new one. */
  async function sizeOf(path: string, id: string): Promise<number> {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await runtime.logs?.reopen(id);
      return (await stat(path)).size;
    }
  }

  async function rotate(path: string, id: string): Promise<void> {
    const older = await rotatedFiles(path);
    const time = rotationTime(clock.now());
    // A clock that went back, or a second turn within a second: nothing may be written over, and the next look comes soon.
    if (older.files.some((file) => file.time >= time)) return;
    const plan = planRotation(older, limits.maxFiles);
    for (const old of plan.remove) await rm(old, { force: true });
    for (const file of plan.compress) await compressOrDrop(file);
    const aside = `${path}.${time}`;
    await rename(path, aside);
    try {
      await runtime.logs?.reopen(id);
    } catch (error) {
      // The runtime writes on to the file that it has open: under its own name it is found again.
      await rename(aside, path);
      throw error;
    }
  }

  /** On a full disk an old log goes, so that there is room for what the container says now. */
  async function compressOrDrop(file: string): Promise<void> {
    try {
      await compress(file);
    } catch (error) {
      logger.warn('Failed to compress log', { path: file, err: error });
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') await rm(file, { force: true });
    }
  }

  return {
    name: 'rotation of container logs',
    rotateAll,
    async start(signal) {
      signal.throwIfAborted();
      if (limits.maxSizeBytes < 0 || !runtime.logs) {
        signal.addEventListener('abort', () => done.resolve(), { once: true });
        return;
      }
      const run = async () => {
        for (;;) {
          await rotateAll(signal).catch((error: unknown) => logger.error('Failed to rotate container logs', { err: error }));
          await clock.sleep(limits.intervalMs, signal);
        }
      };
      run().catch((error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)));
    },
    done: done.promise,
  };
}

/**
 * Beside the file and then in its place; the time of its last change stays, which readers know it by. Who may write to the directory,
 * by a volume, must not have other files of the node read or written so: no link is followed.
 */
async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await file.stat();
  if (!stats.isFile()) throw new Error(`${path} is not a regular file`);
  const { mode, atimeMs, mtimeMs } = stats;
  try {
    const target = createWriteStream(temporary, { mode: mode & 0o777, flush: true, flags: 'wx' });
    await pipeline(file.createReadStream({ autoClose: false }), createGzip(), target);
    // In seconds with their fractions: a Date knows milliseconds only.
    await lutimes(temporary, atimeMs / 1000, mtimeMs / 1000);
    await rename(temporary, `${path}.gz`);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rm(path, { force: true });
}

function limitsOf(configuration: KubeletConfiguration): RotationLimits {
  return {
    maxSizeBytes: Number(quantityValue(parseQuantity(configuration.containerLogMaxSize))),
    maxFiles: configuration.containerLogMaxFiles,
    workers: configuration.containerLogMaxWorkers,
    intervalMs: parseDuration(configuration.containerLogMonitorInterval),
  };
}
