import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { workerModule } from '../../std/own-files.ts';

export interface CheckpointerOptions {
  readonly file: string;
  /** Stops commits until the function that it resolves with is called. */
  readonly hold: () => Promise<() => void>;
  readonly logger: Logger;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** How much may be in the log before it is copied. */
  readonly logBytes: number;
}

interface RunningWorker {
  readonly thread: Worker;
  /** Rejects with what it failed with. */
  readonly ended: Promise<void>;
  /** Told of its end by itself: whoever waits for a checkpoint. A promise would keep all that ever did. */
  onEnd: ((reason: unknown) => void) | undefined;
}

/** A thread that had nothing to do for so long is ended. */
const IDLE_MS = 10_000;

/**
 * Keeps SQLite's log short. Copying it into the database file takes two flushes and many writes, so a worker thread does that: a small
 * cluster never needs one, and one that writes much keeps it, for to start it costs as much as a hundred writes. Commits stand still
 * only for the last, short part.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #written = 0;
  #running: Promise<void> | undefined;
  #worker: RunningWorker | undefined;
  #idle: Timer | undefined;
  #closed = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Counts what a commit wrote and begins a checkpoint when that is enough. */
  wrote(bytes: number): void {
    this.#written += bytes;
    if (this.#written >= this.#options.logBytes) this.request();
  }

  /** Begins a checkpoint unless one is under way. */
  request(): void {
    if (this.#closed || this.#running !== undefined) return;
    this.#written = 0;
    this.#running = this.#run()
      .catch((error) => {
        // Not lost: SQLite itself makes one when the log gets much longer.
        this.#options.logger.warn('A checkpoint of the store failed', { file: this.#options.file, error });
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  /** Resolves when no checkpoint runs; none begins again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    this.#idle?.cancel();
    const worker = this.#worker;
    this.#end();
    await worker?.ended.catch(() => undefined); // nothing was under way
  }

  async #run(): Promise<void> {
    this.#idle?.cancel();
    this.#worker ??= this.#startWorker();
    const worker = this.#worker;
    worker.thread.ref();
    let holding: Promise<() => void> | undefined;
    const release = async () => (await holding)?.();
    try {
      await new Promise<void>((resolve, reject) => {
        worker.onEnd = reject;
        worker.thread.removeAllListeners('message').on('message', (message) => {
          if (message === 'complete') resolve();
          else {
            holding = this.#options.hold();
            holding.then(() => worker.thread.postMessage('finish')).catch(reject);
          }
        });
        worker.thread.postMessage('begin');
      });
    } finally {
      worker.onEnd = undefined;
      await release();
      // Nothing but a checkpoint under way keeps the process alive.
      worker.thread.unref();
      this.#idle = this.#options.clock.setTimer(IDLE_MS, () => this.#end());
    }
  }

  #startWorker(): RunningWorker {
    const thread = new Worker(workerModule('store/sqlite/checkpoint-worker'), { workerData: this.#options.file });
    const ended = new Promise<void>((resolve, reject) => {
      thread.once('error', reject);
      thread.once('exit', () => resolve());
    }).finally(() => {
      if (this.#worker?.thread === thread) this.#worker = undefined;
    });
    const worker: RunningWorker = { thread, ended, onEnd: undefined };
    ended.then(
      () => worker.onEnd?.(new Error('the thread for it ended')),
      (error) => worker.onEnd?.(error),
    );
    return worker;
  }

  #end(): void {
    if (this.#running !== undefined || !this.#worker) return;
    this.#worker.thread.ref();
    this.#worker.thread.postMessage('end');
    this.#worker = undefined;
  }
}
