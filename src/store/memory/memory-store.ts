import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { silentLogger } from '../../std/logger.ts';
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
  StoreEvent,
  TransactionResult,
  WatchHandle,
  WatchSink,
  Write,
} from '../store.ts';
import type { ChangeBatch } from '../watch-hub.ts';
import { WatchHub } from '../watch-hub.ts';
import { VersionHistory } from './version-history.ts';

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Told of watches that fail. Default: nobody. */
  readonly logger?: Logger;
  /** When replaced and deleted values take more than this, the older half is compacted. Default 64 MiB. */
  readonly historyLimitBytes?: number;
}

/**
 * A store that lives and ends with the process. It keeps the given values themselves: they must not be changed afterwards.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  return new MemoryStore(options);
}

class MemoryStore implements Store {
  readonly #history = new VersionHistory();
  readonly #hub: WatchHub;
  readonly #leases: LeaseBook;
  readonly #historyLimitBytes: number;
  readonly #leaseOfKey = new Map<string, LeaseId>();
  readonly #keysOfLease = new Map<LeaseId, Set<string>>();
  #unpublished: ChangeBatch[] = [];
  #leasesGranted = 0;
  #closed = false;

  constructor({ clock, logger = silentLogger, historyLimitBytes = 64 * 2 ** 20 }: MemoryStoreOptions) {
    this.#historyLimitBytes = historyLimitBytes;
    const history = this.#history;
    this.#hub = new WatchHub(
      { compactedRevision: () => history.compacted, changes: (prefix, from, upTo) => history.changes(prefix, from, upTo) },
      history.newest,
      logger,
    );
    this.#leases = new LeaseBook(clock, (id) => this.#endLease(id));
  }

  async get(key: string): Promise<{ entry: KeyValue | undefined; revision: Revision }> {
    this.#checkOpen();
    return { entry: this.#history.get(key), revision: this.#history.newest };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#checkOpen();
    checkList(prefix, options);
    const revision = options.revision ?? this.#history.newest;
    checkRevision(revision, this.#history.compacted, this.#history.newest);
    return this.#history.list(prefix, options, revision);
  }

  async count(prefix: string): Promise<number> {
    this.#checkOpen();
    return this.#history.count(prefix);
  }

  async transact(compares: readonly Compare[], writes: readonly Write[]): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(compares, writes);
    const history = this.#history;
    if (!compares.every(({ key, modRevision }) => (history.get(key)?.modRevision ?? 0) === modRevision))
      return { succeeded: false, revision: history.newest, current: compares.map(({ key }) => history.get(key)) };
    for (const write of writes)
      if (write.type === 'put' && write.leaseId !== undefined && !this.#leases.has(write.leaseId))
        throw leaseNotFoundError(write.leaseId);
    this.#commit(writes);
    return { succeeded: true, revision: history.newest, current: [] };
  }

  watch(prefix: string, fromRevision: Revision, sink: WatchSink): WatchHandle {
    return this.#hub.watch(prefix, fromRevision, sink);
  }

  async compact(revision: Revision): Promise<void> {
    this.#checkOpen();
    checkRevision(revision, 0, this.#history.newest);
    this.#history.compact(revision);
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#history.newest;
  }

  async grantLease(ttlMs: number): Promise<LeaseId> {
    this.#checkOpen();
    checkTtl(ttlMs);
    const id = String(++this.#leasesGranted);
    this.#leases.add(id, ttlMs);
    return id;
  }

  async keepLeaseAlive(id: LeaseId): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.renew(id)) throw leaseNotFoundError(id);
  }

  async revokeLease(id: LeaseId): Promise<void> {
    this.#checkOpen();
    if (!this.#leases.remove(id)) throw leaseNotFoundError(id);
    this.#endLease(id);
  }

  async healthy(): Promise<void> {
    this.#checkOpen();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#leases.close();
    this.#publish();
    this.#hub.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #endLease(id: LeaseId): void {
    const keys = this.#keysOfLease.get(id);
    if (keys) this.#commit([...keys].map((key) => ({ type: 'delete', key })));
  }

  /** Makes checked writes and tells watches soon; never from within the writer's call, whose owner does not know the revision yet. */
  #commit(writes: readonly Write[]): void {
    const revision = this.#history.newest + 1;
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const previous = this.#history.get(write.key);
      if (write.type === 'delete' && !previous) continue;
      this.#attach(write.key, write.type === 'put' ? write.leaseId : undefined);
      if (write.type === 'delete') events.push({ type: 'delete', key: write.key, revision, previous });
      else {
        const createRevision = previous?.createRevision ?? revision;
        const entry = { key: write.key, value: write.value, createRevision, modRevision: revision };
        events.push({ type: 'put', entry, previous });
      }
    }
    if (events.length === 0) return;
    this.#history.append(events, revision);
    if (this.#unpublished.push({ revision, events }) === 1) queueMicrotask(() => this.#publish());
    if (this.#history.historyBytes > this.#historyLimitBytes) {
      const oldest = this.#history.revisionToKeep(this.#historyLimitBytes / 2);
      if (oldest !== undefined) this.#history.compact(oldest);
    }
  }

  #publish(): void {
    const batches = this.#unpublished;
    this.#unpublished = [];
    this.#hub.publish(batches);
  }

  #attach(key: string, lease: LeaseId | undefined): void {
    const before = this.#leaseOfKey.get(key);
    if (before === lease) return;
    if (before !== undefined) {
      this.#leaseOfKey.delete(key);
      const keys = this.#keysOfLease.get(before);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfLease.delete(before);
    }
    if (lease === undefined) return;
    this.#leaseOfKey.set(key, lease);
    const keys = this.#keysOfLease.get(lease);
    if (keys) keys.add(key);
    else this.#keysOfLease.set(lease, new Set([key]));
  }
}
