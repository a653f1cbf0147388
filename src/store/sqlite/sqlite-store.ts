import { fdatasync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock, Timer } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { checkTtl, LeaseBook } from '../lease-book.ts';
import { checkList, checkRevision, checkTransaction, closedError, leaseNotFoundError } from '../request-check.ts';
import type {
  Compare,
  KeyValue,
  LeaseId,
  ListOptions,
  ListResult,
  Revision,
  Store,
  TransactionResult,
  WatchHandle,
  WatchSink,
  Write,
} from '../store.ts';
import { StoreError } from '../store.ts';
import { WatchHub } from '../watch-hub.ts';
import { readChanges, toBatches } from './changes.ts';
import { Checkpointer } from './checkpointer.ts';
import type { Batch } from './commit-queue.ts';
import { CommitQueue } from './commit-queue.ts';
import { markCompacted, sweepSlice } from './compaction.ts';
import { toStoreError } from './sqlite-error.ts';
import type { Flush, StoreFiles } from './store-files.ts';
import { databaseFile, openStoreFiles } from './store-files.ts';
import { firstId, Tables } from './tables.ts';
import { runRevoke, runTransaction } from './transaction.ts';

export interface SqliteStoreOptions {
  /** Made with mode 0700 when it is not there; holds one store. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Forces an open file's data to the disk. Default: fdatasync; for tests of what happens around it. */
  readonly flush?: Flush;
  /** How long SQLite's log may grow before it is copied into the database file. Default 8 MiB. */
  readonly logBytes?: number;
  /** Refuses writes with `no-space` beyond this size, as a quota. Default: as the disk allows. */
  readonly maxBytes?: number;
}

const LEASE_RETRY_MS = 1000;
const fdatasyncAsync: Flush = promisify(fdatasync);

/**
 * Opens (or makes) the store in a directory and takes the directory for this process.
 * @throws StoreError `locked`, `incompatible`, `corrupt`, `no-space`, `unavailable`
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { directory, flush = fdatasyncAsync } = options;
  let files: StoreFiles | undefined;
  try {
    files = await openStoreFiles(directory, flush);
    return new SqliteStore(options, files);
  } catch (error) {
    files?.close();
    throw toStoreError(error, databaseFile(directory));
  }
}

class SqliteStore implements Store {
  readonly #options: SqliteStoreOptions;
  readonly #files: StoreFiles;
  readonly #tables: Tables;
  readonly #queue: CommitQueue;
  readonly #hub: WatchHub;
  readonly #leases: LeaseBook;
  readonly #checkpointer: Checkpointer;
  readonly #retries = new Map<LeaseId, Timer>();
  #compacted: Revision;
  readonly #failed = deferred<StoreError>();
  readonly failed = this.#failed.promise;
  /** Why no call is served any more. */
  #ended: StoreError | undefined;
  /** Why the last commit failed; undefined after one that did not. */
  #writeError: unknown;
  #closing: Promise<void> | undefined;

  constructor(options: SqliteStoreOptions, files: StoreFiles) {
    const { clock, logger, flush = fdatasyncAsync, logBytes = 8 * 2 ** 20 } = options;
    const { database, file, logDescriptor, begun } = files;
    this.#options = options;
    this.#files = files;
    this.#tables = new Tables(database);
    if (options.maxBytes !== undefined) this.#limitSize(options.maxBytes);
    this.#compacted = this.#tables.meta('compacted_revision');
    const revision = this.#tables.newestRevision();
    this.#queue = new CommitQueue({
      database,
      revision,
      flush: () => begun.then(() => flush(logDescriptor)),
      onDurable: (batch) => this.#onDurable(batch),
      onBroken: (error) => this.#break(error),
      toStoreError: (error) => this.#onWriteError(error),
    });
    this.#checkpointer = new Checkpointer({ file, hold: () => this.#queue.hold(), logger, clock, logBytes });
    this.#hub = new WatchHub(
      { compactedRevision: () => this.#compacted, changes: (...range) => this.#read(() => readChanges(this.#tables, ...range)) },
      revision,
      logger,
    );
    this.#leases = new LeaseBook(clock, (id) => this.#expire(id));
    // How much of each lease's time was left is not kept, so it starts anew, as etcd's do after a change of leader.
    for (const { id, ttlMs } of this.#tables.leases()) this.#leases.add(String(id), ttlMs);
    if (this.#tables.meta('swept_revision') < this.#compacted)
      this.#sweep().catch((error) => {
        if (!this.#ended) logger.warn('Removing compacted history failed; the next compaction goes on with it', { error });
      });
  }

  async get(key: string): Promise<{ entry: KeyValue | undefined; revision: Revision }> {
    return this.#read((revision) => ({ entry: this.#tables.entryBefore(key, firstId(revision + 1)), revision }));
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    checkList(prefix, options);
    return this.#read((newest) => {
      const revision = options.revision ?? newest;
      checkRevision(revision, this.#compacted, newest);
      const inFlux = this.#queue.inFlux || revision < newest;
      return { ...this.#tables.list(prefix, options, firstId(revision + 1), inFlux), revision };
    });
  }

  async count(prefix: string): Promise<number> {
    return this.#read((revision) => this.#tables.count(prefix, firstId(revision + 1), this.#queue.inFlux));
  }

  async transact(compares: readonly Compare[], writes: readonly Write[]): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(compares, writes);
    return this.#queue.submit((batch) => runTransaction(this.#tables, batch, compares, writes));
  }

  watch(prefix: string, fromRevision: Revision, sink: WatchSink): WatchHandle {
    return this.#hub.watch(prefix, fromRevision, sink);
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision(revision, 0, this.#queue.durableRevision);
    if (revision <= this.#compacted) return;
    await this.#queue.submit((batch) => markCompacted(this.#tables, batch, revision));
    this.#compacted = Math.max(this.#compacted, revision);
    await this.#sweep();
  }

  async revision(): Promise<Revision> {
    return this.#read((revision) => revision);
  }

  async grantLease(ttlMs: number): Promise<LeaseId> {
    this.#checkOpen();
    checkTtl(ttlMs);
    const row = await this.#queue.submit((batch) => {
      batch.dirty = true;
      return this.#tables.insertLease(ttlMs);
    });
    const id = String(row);
    if (!this.#ended) this.#leases.add(id, ttlMs);
    return id;
  }

  async keepLeaseAlive(id: LeaseId): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.renew(id)) throw leaseNotFoundError(id);
  }

  async revokeLease(id: LeaseId): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.has(id)) throw leaseNotFoundError(id);
    await this.#revoke(id);
    this.#leases.remove(id);
  }

  async healthy(): Promise<void> {
    this.#read(() => this.#tables.meta('compacted_revision'));
    if (this.#writeError === undefined) return;
    // The last write failed: only another one can tell whether the next would.
    await this.#queue.submit((batch) => {
      this.#tables.setMeta('compacted_revision', this.#tables.meta('compacted_revision'));
      batch.dirty = true;
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ended ??= closedError();
    this.#leases.close();
    for (const timer of this.#retries.values()) timer.cancel();
    await this.#queue.stop(this.#ended);
    this.#hub.close();
    await this.#checkpointer.close();
    await this.#files.begun.catch(() => {});
    try {
      this.#files.close();
    } catch (error) {
      throw toStoreError(error, this.#files.file);
    }
  }

  #checkOpen(): void {
    if (this.#ended) throw this.#ended;
  }

  /** Reads as of the newest durable revision; what was committed but is not on disk yet does not exist for readers. */
  #read<T>(read: (revision: Revision) => T): T {
    this.#checkOpen();
    try {
      return read(this.#queue.durableRevision);
    } catch (error) {
      throw toStoreError(error, this.#files.file);
    }
  }

  #onDurable({ revision, records, logBytes }: Batch): void {
    this.#writeError = undefined;
    if (records.length > 0) {
      try {
        const batches = toBatches(this.#tables, records, (key) => this.#hub.wants(key), this.#hub.wantsPrevious);
        if (batches.at(-1)?.revision !== revision) batches.push({ revision, events: [] });
        this.#hub.publish(batches);
      } catch (error) {
        // The writes are safe, but watches would miss them: they have to start again.
        this.#break(new StoreError('unavailable', `changes cannot be read (${String(error)})`, { cause: error }));
      }
    }
    this.#checkpointer.wrote(logBytes);
  }

  #onWriteError(error: unknown): unknown {
    const storeError = toStoreError(error, this.#files.file);
    // Once copied, the log is written from its beginning again and needs no new space for a while. Tried once each time it fills.
    const isFull = storeError instanceof StoreError && storeError.code === 'no-space';
    if (isFull && this.#writeError === undefined) this.#checkpointer.request();
    this.#writeError = storeError;
    return storeError;
  }

  #break(error: StoreError): void {
    this.#options.logger.error('The store has failed', { directory: this.#options.directory, error });
    this.#ended ??= error;
    this.#leases.close();
    this.#hub.close(error);
    this.#failed.resolve(error);
  }

  async #sweep(): Promise<void> {
    while (!(await this.#queue.submit((batch) => sweepSlice(this.#tables, batch)))) this.#checkOpen();
  }

  async #revoke(id: LeaseId): Promise<void> {
    while (!(await this.#queue.submit((batch) => runRevoke(this.#tables, batch, id)))) this.#checkOpen();
  }

  #expire(id: LeaseId): void {
    this.#revoke(id).catch((error) => {
      const revoked = error instanceof StoreError && error.code === 'lease-not-found';
      if (this.#ended || revoked) return;
      this.#options.logger.warn('Ending a lease failed; trying again', { lease: id, error });
      const again = this.#options.clock.setTimer(LEASE_RETRY_MS, () => {
        this.#retries.delete(id);
        this.#expire(id);
      });
      this.#retries.set(id, again);
    });
  }

  #limitSize(maxBytes: number): void {
    const { database } = this.#files;
    const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
    database.exec(`PRAGMA max_page_count=${Math.max(1, Math.floor(maxBytes / pageSize))}`);
  }
}
