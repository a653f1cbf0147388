import { Worker } from 'node:worker_threads';
import type { Logger } from '../../std/logger.ts';
import { workerModule } from '../../std/own-files.ts';

export interface CheckpointerOptions {
  readonly file: string;
  /** Stops commits until the function that it resolves with is called. */
  readonly hold: () => Promise<() => void>;
  readonly logger: Logger;
  /** How much may be in the log before it is copied. */
  readonly logBytes: number;
}

/**
 * Keeps SQLite's log short. Copying it into the database file takes two flushes and many writes, so a worker thread does that,
 * started for it alone: a small cluster never needs one. Commits stand still only for the last, short part.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #written = 0;
  #running: Promise<void> | undefined;
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
  }

  async #run(): Promise<void> {
    const worker = new Worker(workerModule('store/sqlite/checkpoint-worker'), { workerData: this.#options.file });
    let holding: Promise<() => void> | undefined;
    const release = async () => (await holding)?.();
    try {
      await new Promise<void>((resolve, reject) => {
        worker.once('error', reject);
        worker.once('exit', () => resolve());
        worker.on('message', (message) => {
          if (message === 'complete') release().catch(reject);
          else {
            holding = this.#options.hold();
            holding.then(() => worker.postMessage('finish')).catch(reject);
          }
        });
      });
    } finally {
      await release();
    }
  }
}
