import { type FileLock, lockFile } from '../host/file-lock.ts';
import { runProgram } from '../host/run-program.ts';
import type { Clock } from '../std/clock.ts';
import { CodedError } from '../std/coded-error.ts';
import { isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';

export interface KubeletLockOptions {
  /** `--lock-file`; undefined: none. */
  readonly path: string | undefined;
  /** `--exit-on-lock-contention`. */
  readonly exitOnContention: boolean;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KubeletLock {
  /** Aborted with the signal, and when another kubelet waits for the lock and this one is to make room for it. */
  readonly signal: AbortSignal;
  release(): Promise<void>;
}

const LOOK_MS = 1000;

/**
 * Waits until this kubelet is the only one with `--lock-file`: a kubelet of a bootstrap makes room for the one that is to stay.
 *
 * @throws CodedError when the flags contradict each other or the file cannot be locked
 */
export async function takeKubeletLock(options: KubeletLockOptions): Promise<KubeletLock> {
  const { path, exitOnContention, signal, clock, logger } = options;
  if (path === undefined) {
    if (exitOnContention)
      throw new CodedError('cannot exit on lock file contention: no lock file specified', { code: 'KUBELET_FLAGS_INVALID' });
    return { signal, release: async () => {} };
  }
  logger.info('Acquiring file lock', { path });
  const lock = await lockFile(path, { run: runProgram, signal });
  const end = new AbortController();
  const either = AbortSignal.any([signal, end.signal]);
  if (exitOnContention) watch(lock, either).catch(told);
  return {
    signal: either,
    async release() {
      end.abort(new DOMException('the kubelet has ended', 'AbortError'));
      await lock.release();
    },
  };

  async function watch({ isWanted }: FileLock, until: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(LOOK_MS, until);
      if (!(await isWanted())) continue;
      logger.info('Another kubelet wants the lock, this one ends', { path });
      end.abort(new DOMException('another kubelet wants the lock', 'AbortError'));
    }
  }

  function told(error: unknown): void {
    if (isAbort(error, either)) return;
    logger.error('Unable to watch the lock file', { path, err: error });
    end.abort(error);
  }
}
