import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createGunzip } from 'node:zlib';
import { type Clock, steadyMs } from '../../std/clock.ts';
import type { LogOptions } from '../server/log-options.ts';
import { watchLogs } from './log-change.ts';
import { LogRenderer } from './log-renderer.ts';
import { tailStart } from './log-tail.ts';
import { type RotatedFile, rotatedFiles } from './rotated-files.ts';

export interface LogReaderOptions {
  readonly path: string;
  readonly options: Omit<LogOptions, 'previous'>;
  /** Whether the container may still write; asked while following. */
  readonly isRunning: () => Promise<boolean>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const BLOCK_BYTES = 64 << 10;
/** Upstream looks that often, whatever inotify says. */
const LOOK_AGAIN_MS = 1000;
const ASK_AGAIN_MS = 250;
/** The runtime opens the new file before it has written all that it had for the old one; that takes it no time to speak of. */
const LONGEST_HANDOVER_MS = 2000;
const HANDOVER_STEP_MS = 50;

/**
 * The output of a container from its log file, in pieces: what is asked for is read from the disk when the consumer wants more, and
 * not before. Following goes on over rotations, without a line lost or doubled, until the container has ended and all is read.
 *
 * @throws Error before the first piece when the file is not there, and the signal's reason when that is aborted
 */
export async function* readLog({ path, options, isRunning, clock, signal }: LogReaderOptions): AsyncGenerator<Buffer> {
  const renderer = new LogRenderer(options);
  await using log = new LogFile(path);
  await log.open();
  const sizeBytes = await log.size();
  if (options.tailLines !== undefined) log.positionBytes = await tailStart(log.handle, sizeBytes, options.tailLines);
  if (!options.follow) {
    // What is written meanwhile was not asked for: a container that writes faster than somebody reads would have no end.
    yield* drain(log, renderer, signal, sizeBytes);
    yield* renderer.end();
    return;
  }
  using changes = watchLogs(dirname(path), clock);
  let askedMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    // A container that writes all the time is not asked for at each line.
    const asks = steadyMs(clock) - askedMs >= ASK_AGAIN_MS;
    const running = asks ? await isRunning() : true;
    if (asks) askedMs = steadyMs(clock);
    yield* drain(log, renderer, signal);
    if (renderer.full) return;
    if (await log.isReplaced()) {
      if (running) await handedOver(path, clock, signal);
      yield* drain(log, renderer, signal);
      // A line that a full disk has cut off must not swallow the beginning of the next file.
      yield* renderer.end();
      yield* goOn(log, renderer, isRunning, clock, signal);
    } else if (!running) {
      yield* renderer.end();
      return;
    } else await changes.next(asks ? LOOK_AGAIN_MS : ASK_AGAIN_MS, signal);
  }
}

/** After the end of a file that was put aside: through those that were put aside after it, and on to the one written to. */
async function* goOn(
  log: LogFile,
  renderer: LogRenderer,
  isRunning: () => Promise<boolean>,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (;;) {
    const [file] = await log.unread();
    if (file) {
      yield* readWhole(file, renderer, signal);
      log.wasRead(file);
    } else if ((await log.reopen()) || !(await isRunning())) return;
    else await clock.sleep(HANDOVER_STEP_MS, signal);
  }
}

/** The file that the runtime writes to, held open under whatever name it gets. */
class LogFile implements AsyncDisposable {
  readonly path: string;
  handle!: FileHandle;
  positionBytes = 0;
  /** Of the newest file put aside before this one was opened. */
  #lastRotation = '';

  constructor(path: string) {
    this.path = path;
  }

  async open(): Promise<void> {
    const { files } = await rotatedFiles(this.path);
    this.handle = await openLog(this.path);
    this.#lastRotation = files.at(-1)?.time ?? '';
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  /** Whether another file bears the log's name by now. One that was cut off is read from its beginning again. */
  async isReplaced(): Promise<boolean> {
    const own = await this.handle.stat();
    if (own.size < this.positionBytes) this.positionBytes = 0;
    try {
      const current = await stat(this.path);
      return current.ino !== own.ino || current.dev !== own.dev;
    } catch (error) {
      // Renamed, and the runtime has not opened the new one yet; or the container is being removed.
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** What was put aside after this file, oldest first. */
  async unread(): Promise<RotatedFile[]> {
    const { files } = await rotatedFiles(this.path);
    const newer = files.filter(({ time }) => time > this.#lastRotation);
    const own = await this.handle.stat();
    const apartMs = await Promise.all(newer.map((file) => distanceMs(file, own)));
    const nearest = Math.min(...apartMs);
    // Two files may have been written to within one moment: own is the one that ended when this one did.
    return nearest < SAME_MS ? newer.slice(apartMs.indexOf(nearest) + 1) : newer;
  }

  wasRead({ time }: RotatedFile): void {
    this.#lastRotation = time;
  }

  /** Goes over to the file that bears the name now; false when there is none, or one was put aside meanwhile that has to be read first. */
  async reopen(): Promise<boolean> {
    const handle = await openLog(this.path).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (!handle) return false;
    let files: readonly RotatedFile[];
    try {
      if ((await this.unread()).length > 0) {
        await handle.close();
        return false;
      }
      ({ files } = await rotatedFiles(this.path));
    } catch (error) {
      await handle.close();
      throw error;
    }
    await this.handle.close();
    this.handle = handle;
    this.positionBytes = 0;
    this.#lastRotation = files.at(-1)?.time ?? this.#lastRotation;
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle?.close();
  }
}

/** A link is followed, as some runtimes make them. A pipe would keep the kubelet waiting for its writer, so it is not opened to wait. */
async function openLog(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new Error(`${path} is not a regular file`);
}

/** Compressing keeps the time of the last change, by which a file that is gone is known again: so exactly, whatever the file system makes of it. */
const SAME_MS = 2;

/** How far a file that was put aside is from one that is held open: 0 is that file itself, infinity is surely another. */
async function distanceMs(file: RotatedFile, own: { readonly ino: number; readonly mtimeMs: number }): Promise<number> {
  try {
    const other = await stat(file.path);
    if (file.compressed) return Math.abs(other.mtimeMs - own.mtimeMs);
    return other.ino === own.ino ? 0 : Number.POSITIVE_INFINITY;
  } catch (error) {
    if (isMissing(error)) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** Waits until the runtime writes to the new file, so that nothing more comes in the old one. */
async function handedOver(path: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const endMs = steadyMs(clock) + LONGEST_HANDOVER_MS;
  while (steadyMs(clock) < endMs) {
    const current = await stat(path).catch(() => undefined); // put aside once more, then
    if (!current || current.size > 0) break;
    await clock.sleep(HANDOVER_STEP_MS, signal);
  }
  await clock.sleep(HANDOVER_STEP_MS, signal);
}

async function* drain(
  log: LogFile,
  renderer: LogRenderer,
  signal: AbortSignal,
  endBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  while (!renderer.full) {
    signal.throwIfAborted();
    const wanted = Math.min(BLOCK_BYTES, endBytes - log.positionBytes);
    if (wanted <= 0) return;
    const { bytesRead, buffer } = await log.handle.read(Buffer.allocUnsafe(wanted), 0, wanted, log.positionBytes);
    if (bytesRead === 0) return;
    log.positionBytes += bytesRead;
    const pieces = renderer.feed(buffer.subarray(0, bytesRead));
    if (pieces.length > 0) yield Buffer.concat(pieces);
  }
}

async function* readWhole(file: RotatedFile, renderer: LogRenderer, signal: AbortSignal): AsyncGenerator<Buffer> {
  await using handle = await openLog(file.path);
  const source = handle.createReadStream({ highWaterMark: BLOCK_BYTES, signal, autoClose: false });
  const bytes = file.compressed ? source.pipe(createGunzip({ chunkSize: BLOCK_BYTES })) : source;
  source.on('error', (error) => bytes.destroy(error));
  for await (const chunk of bytes) {
    const pieces = renderer.feed(chunk as Buffer);
    if (pieces.length > 0) yield Buffer.concat(pieces);
  }
}
