import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { CodedError } from '../std/coded-error.ts';
import type { RunProgram } from './run-program.ts';

/** A file that this process has for itself (flock(2)) until it is released or the process ends, however it ends. */
export interface FileLock {
  /** True when another process waits for the lock, or the file is no longer there. */
  isWanted(): Promise<boolean>;
  release(): Promise<void>;
}

/** Nobody ends waiting but the signal: the longest that timers can wait. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Waits until nobody else has the file locked. Who waits changes the file's time of change, by which the owner knows of it; others
 * that wait are seen in /proc/locks, as far as that shows them.
 *
 * @param path made when it is missing, with mode 0600
 * @throws CodedError `FILE_LOCK` when it cannot be opened or locked; the abort reason when `signal` ended the waiting
 */
export async function lockFile(
  path: string,
  { run, signal }: { readonly run: RunProgram; readonly signal: AbortSignal },
): Promise<FileLock> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const now = new Date();
    await file.utimes(now, now);
    // Before waiting: who comes later waits for this process.
    const mine = await file.stat({ bigint: true });
    // The lock belongs to the open file, which the program shares with this process: it outlives the program.
    await run('flock', ['--exclusive', '3'], { descriptors: [file.fd], timeoutMs: NO_TIMEOUT_MS, signal });
    return await watched(path, file, mine);
  } catch (cause) {
    await file?.close();
    if (signal.aborted) throw signal.reason;
    throw new CodedError(`unable to acquire file lock on ${JSON.stringify(path)}: ${(cause as Error).message}`, {
      code: 'FILE_LOCK',
      cause,
    });
  }
}

async function watched(path: string, file: FileHandle, mine: BigIntStats): Promise<FileLock> {
  // As the kernel names the file there: device and inode.
  const name = /^lock:.*FLOCK\s+ADVISORY\s+WRITE\s+\S+\s+(\S+)/m.exec(
    await readFile(`/proc/self/fdinfo/${file.fd}`, 'utf8'),
  )?.[1];
  const isLost = async () => {
    try {
      const now = await stat(path, { bigint: true });
      return now.ino !== mine.ino || now.dev !== mine.dev || now.mtimeNs !== mine.mtimeNs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
  };
  return {
    async isWanted() {
      if (await isLost()) return true;
      const locks = (await readFile('/proc/locks', 'utf8')).split('\n').map((line) => line.split(/\s+/));
      return locks.some((words) => words[1] === '->' && words[2] === 'FLOCK' && name !== undefined && words.includes(name));
    },
    release: () => file.close(),
  };
}
