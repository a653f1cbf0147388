import type { DatabaseSync } from 'node:sqlite';
import type { Revision } from '../store.ts';
import { StoreError } from '../store.ts';
import type { StoredRecord } from './tables.ts';

/** One database transaction, shared by the jobs that waited for it. */
export interface Batch {
  /** The newest revision so far, those of this batch included. */
  revision: Revision;
  /** Set by a job that wrote anything. */
  dirty: boolean;
  /** What was put and deleted, in order. */
  readonly records: StoredRecord[];
  /** Estimated bytes written to the log. */
  logBytes: number;
}

interface Job {
  run(batch: Batch): void;
  /** After the commit is on disk. */
  resolve(): void;
  reject(error: unknown): void;
}

export interface CommitQueueOptions {
  readonly database: DatabaseSync;
  readonly revision: Revision;
  /** Forces the log to the disk, away from this thread. */
  readonly flush: () => Promise<void>;
  /** Called when a batch is durable, before its jobs are told. */
  readonly onDurable: (batch: Batch) => void;
  /** Called when the outcome of a commit cannot be known any more. */
  readonly onBroken: (error: StoreError) => void;
  readonly toStoreError: (error: unknown) => unknown;
}

const MAX_BATCH_JOBS = 512;
const MAX_BATCH_BYTES = 8 * 2 ** 20;

/**
 * Groups what writers want into database transactions, so that they share one flush of the log.
 *
 *     submit ─► waiting ─► BEGIN, job, job, job, COMMIT (microseconds, this thread)
 *                  ▲            └─► flush (fdatasync in the thread pool) ─► durable: watches, then jobs are told
 *                  └── those who come during the flush make the next batch
 *
 * SQLite's COMMIT only writes to the log (synchronous=NORMAL); until the flush is done nothing of it is told to anybody, and
 * readers look at what was there before `durableRevision + 1`. A flush that fails is final: the kernel may have dropped the pages
 * and would report success the next time, so the store has to be opened again.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  #waiting: Job[] = [];
  #running: Promise<void> | undefined;
  #committing: Promise<void> | undefined;
  #held: Promise<void> | undefined;
  #durableRevision: Revision;
  #committedRevision: Revision;
  #stopped: StoreError | undefined;
  /** How many of the jobs that come next get a batch of their own. */
  #alone = 0;

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#durableRevision = options.revision;
    this.#committedRevision = options.revision;
  }

  /** The newest revision that readers may see. */
  get durableRevision(): Revision {
    return this.#durableRevision;
  }

  /** Whether the tables hold newer records than readers may see. */
  get inFlux(): boolean {
    return this.#committedRevision !== this.#durableRevision;
  }

  /**
   * Runs `work` inside the next transaction and resolves with what it returned once that is durable. `work` is synchronous and
   * may throw a StoreError before it wrote anything: then only it fails.
   */
  submit<T>(work: (batch: Batch) => T): Promise<T> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#waiting.push({ run: (batch) => (result = work(batch)), resolve: () => resolve(result), reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when no commit runs; none begins until the returned function is called. */
  async hold(): Promise<() => void> {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    while (this.#held !== undefined) await this.#held;
    this.#held = held;
    await this.#committing;
    return () => {
      if (this.#held === held) this.#held = undefined;
      release();
    };
  }

  /** Refuses what comes and what waits with `reason`; resolves when the batch under way has ended. */
  async stop(reason: StoreError): Promise<void> {
    this.#stopped ??= reason;
    for (const job of this.#waiting.splice(0)) job.reject(reason);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      // Lets the others of this turn of the event loop, and those that the last batch woke, come along.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#held !== undefined) await this.#held;
      if (this.#waiting.length === 0) break;
      this.#committing = this.#commit();
      await this.#committing;
      this.#committing = undefined;
    }
    // In the same step as the last look at the queue, so that no job comes between.
    this.#running = undefined;
  }

  async #commit(): Promise<void> {
    const { flush, onDurable } = this.#options;
    const batch: Batch = { revision: this.#durableRevision, dirty: false, records: [], logBytes: 0 };
    const jobs = this.#runJobs(batch);
    if (!jobs) return;
    this.#committedRevision = batch.revision;
    if (batch.dirty) {
      try {
        await flush();
      } catch (error) {
        this.#break(jobs, error);
        return;
      }
    }
    this.#durableRevision = batch.revision;
    onDurable(batch);
    for (const job of jobs) job.resolve();
  }

  /** Commits the next batch to the log; undefined when nothing was. */
  #runJobs(batch: Batch): Job[] | undefined {
    const { database } = this.#options;
    const most = this.#alone > 0 ? 1 : MAX_BATCH_JOBS;
    this.#alone = Math.max(0, this.#alone - 1);
    const jobs: Job[] = [];
    let tried = 0;
    try {
      database.exec('BEGIN IMMEDIATE');
      while (tried < Math.min(this.#waiting.length, most) && batch.logBytes < MAX_BATCH_BYTES)
        jobs.push(this.#attempt(this.#waiting[tried++]!, batch));
      database.exec('COMMIT');
    } catch (error) {
      this.#rollBack(error, tried);
      return undefined;
    }
    this.#waiting.splice(0, tried);
    return jobs;
  }

  /** Runs a job; a StoreError is its own, anything else ends the batch. */
  #attempt(job: Job, batch: Batch): Job {
    try {
      job.run(batch);
      return job;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return { ...job, resolve: () => job.reject(error) };
    }
  }

  /** Takes a failed batch back. Of several jobs one may be the reason, so each is tried alone before it is refused. */
  #rollBack(error: unknown, tried: number): void {
    const { database, toStoreError } = this.#options;
    try {
      if (database.isTransaction) database.exec('ROLLBACK');
    } catch (rollbackError) {
      this.#break(this.#waiting.splice(0, tried), rollbackError);
      return;
    }
    if (tried > 1) {
      this.#alone = tried;
      return;
    }
    const reason = toStoreError(error);
    for (const job of this.#waiting.splice(0, 1)) job.reject(reason);
  }

  #break(jobs: readonly Job[], cause: unknown): void {
    const error = new StoreError('unavailable', `a write may be lost (${String(cause)}): the store must be opened again`, {
      cause,
    });
    this.#stopped = error;
    for (const job of [...jobs, ...this.#waiting.splice(0)]) job.reject(error);
    this.#options.onBroken(error);
  }
}
