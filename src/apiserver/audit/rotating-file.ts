import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../../std/clock.ts';
import { makeDirectories } from '../../std/directories.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { LineSink } from './log-backend.ts';

export interface RotatingFileOptions {
  readonly path: string;
  /** Megabytes at which a new file is begun; 0 is never. */
  readonly maxSizeMb: number;
  /** Old files that are kept; 0 is all. */
  readonly maxBackups: number;
  /** Days for which old files are kept; 0 is for ever. */
  readonly maxAgeDays: number;
  readonly compress: boolean;
}

const MEGABYTE = 1024 * 1024;
const DAY_MS = 24 * 3_600_000;
const MODE = 0o600;

/**
 * A log that is renamed to `audit-2026-01-02T15-04-05.000.log` when it is full and begun anew; too many and too old ones are removed
 * (gopkg.in/natefinch/lumberjack.v2, which upstream uses: the same names and limits). What comes while a write runs goes with the next.
 */
export function createRotatingFile(options: RotatingFileOptions, clock: Clock, logger: Logger): LineSink {
  const maxBytes = options.maxSizeMb ? options.maxSizeMb * MEGABYTE : Number.POSITIVE_INFINITY;
  let file: FileHandle | undefined;
  let size = 0;
  let queue: { text: string; done: PromiseWithResolvers<void> }[] = [];
  let writing: Promise<void> | undefined;
  let tidying = Promise.resolve();

  const openFile = async (mode = MODE) => {
    await makeDirectories(dirname(options.path), 0o755);
    file = await open(options.path, 'a', mode);
    size = (await file.stat()).size;
  };
  const rotate = async () => {
    const { mode } = await stat(options.path).catch(() => ({ mode: MODE })); // somebody moved it: then there is nothing to rename
    await file?.close();
    file = undefined;
    await rename(options.path, backupName(options.path, clock.now())).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await openFile(mode & 0o777);
    tidy();
  };
  const tidy = () => {
    tidying = tidying
      .then(() => tidyBackups(options, clock.now()))
      .catch((error) => logger.error('cannot tidy up old audit logs', { path: options.path, error }));
  };
  const appendNow = async (text: string) => {
    const bytes = Buffer.from(text);
    if (!file) {
      await openFile();
      // What is never rotated has no old files of its own: as upstream, what lies there is left alone.
      if (options.maxSizeMb) tidy();
    }
    if (size > 0 && size + bytes.length > maxBytes) await rotate();
    const before = size;
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file!.write(bytes, at);
        at += bytesWritten;
        size += bytesWritten;
      }
    } catch (error) {
      if (size > before) await takeBack(before);
      throw error;
    }
  };
  /** Of a disk that was full in the middle of a line. What comes when there is room again would stand behind it as one line that nobody can read. */
  const takeBack = async (bytes: number) => {
    try {
      await file!.truncate(bytes);
      size = bytes;
    } catch (error) {
      logger.error('cannot take back what was half written to the audit log', { path: options.path, error });
    }
  };
  const writeAll = async () => {
    while (queue.length) {
      const batch = takeFitting();
      try {
        await appendNow(batch.map(({ text }) => text).join(''));
        for (const { done } of batch) done.resolve();
      } catch (error) {
        for (const { done } of batch) done.reject(error);
      }
    }
    writing = undefined;
  };
  /** As much as goes into one file. */
  const takeFitting = () => {
    let chars = queue[0]!.text.length;
    let count = 1;
    while (count < queue.length && chars + queue[count]!.text.length <= MEGABYTE) chars += queue[count++]!.text.length;
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    return batch;
  };

  return {
    append(text) {
      const done = deferred();
      queue.push({ text, done });
      writing ??= writeAll();
      return done.promise;
    },
    async close() {
      await writing;
      await tidying;
      await file?.close();
      file = undefined;
    },
  };
}

/** `audit.log` → `audit-2026-01-02T15-04-05.000.log`, in UTC. */
export function backupName(path: string, nowMs: number): string {
  const extension = extname(path);
  const time = new Date(nowMs).toISOString().slice(0, -1).replace(/:/g, '-');
  return join(dirname(path), `${basename(path, extension)}-${time}${extension}`);
}

interface Backup {
  readonly name: string;
  readonly timeMs: number;
  readonly compressed: boolean;
}

/** What is to be removed, and what to be compressed, of the files that a directory holds. Newest first counts. */
export function planBackups(
  names: readonly string[],
  options: RotatingFileOptions,
  nowMs: number,
): { readonly remove: readonly string[]; readonly compress: readonly string[] } {
  const backups = names.flatMap((name) => parseBackup(name, options.path) ?? []).sort((a, b) => b.timeMs - a.timeMs);
  const kept = new Set<number>();
  const remove: string[] = [];
  const left: Backup[] = [];
  for (const backup of backups) {
    kept.add(backup.timeMs); // one backup may lie there twice while it is compressed
    const tooMany = options.maxBackups > 0 && kept.size > options.maxBackups;
    const tooOld = options.maxAgeDays > 0 && backup.timeMs < nowMs - options.maxAgeDays * DAY_MS;
    if (tooMany || tooOld) remove.push(backup.name);
    else left.push(backup);
  }
  const compress = options.compress ? left.filter((backup) => !backup.compressed).map((backup) => backup.name) : [];
  return { remove, compress };
}

const BACKUP_TIME = /^(\d{4}-\d{2}-\d{2}T)(\d{2})-(\d{2})-(\d{2}\.\d{3})$/;

function parseBackup(name: string, path: string): Backup | undefined {
  const extension = extname(path);
  const prefix = `${basename(path, extension)}-`;
  const compressed = name.endsWith(`${extension}.gz`);
  const end = compressed ? `${extension}.gz` : extension;
  if (!name.startsWith(prefix) || !name.endsWith(end)) return undefined;
  const match = BACKUP_TIME.exec(name.slice(prefix.length, name.length - end.length));
  const timeMs = match ? Date.parse(`${match[1]}${match[2]}:${match[3]}:${match[4]}Z`) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : { name, timeMs, compressed };
}

async function tidyBackups(options: RotatingFileOptions, nowMs: number): Promise<void> {
  if (!options.maxBackups && !options.maxAgeDays && !options.compress) return;
  const directory = dirname(options.path);
  const { remove, compress } = planBackups(await readdir(directory), options, nowMs);
  for (const name of remove) await unlink(join(directory, name));
  for (const name of compress) {
    const source = join(directory, name);
    const target = `${source}.gz`;
    try {
      await pipeline(createReadStream(source), createGzip(), createWriteStream(target, { mode: MODE }));
    } catch (error) {
      await unlink(target).catch(() => undefined); // what there is of it takes room on a disk that may be full
      throw error;
    }
    await unlink(source);
  }
}
