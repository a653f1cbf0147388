import type { Clock } from '../../std/clock.ts';
import type { GrpcTls } from '../../std/grpc/grpc-channel.ts';
import type { MessageInput } from '../../std/grpc/message-schema.ts';
import type { Logger } from '../../std/logger.ts';
import { checkList, checkRevision, checkTransaction, closedError, compactedError, leaseNotFoundError } from '../request-check.ts';
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
import { startCompactor } from './compactor.ts';
import { Endpoints, type EtcdCallOptions } from './endpoints.ts';
import { EtcdLeases } from './etcd-leases.ts';
import { etcdMethods } from './etcd-method.ts';
import { EtcdWatch } from './etcd-watch.ts';
import { ForwardHistory } from './forward-history.ts';
import { rangeOf } from './key-range.ts';
import { leaseNumberOf } from './lease-ids.ts';
import { COMPARE_MOD_REVISION, type EtcdMessages } from './messages.ts';
import { readList } from './read-list.ts';
import { parseServerUrls } from './server-url.ts';
import { toKeyValue } from './watch-batches.ts';

export interface EtcdStoreOptions {
  /** `https://10.0.0.1:2379,https://10.0.0.2:2379` */
  readonly servers: string;
  /** How https members are spoken to; asked again after failures, so that renewed files come into use. */
  readonly tls?: () => GrpcTls;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Numbers in [0, 1): which member is used first, and how pauses vary. */
  readonly random: () => number;
  /** How often history that is older than this is forgotten, by one of all processes that do. 0 or absent: never by this one. */
  readonly compactionIntervalMs?: number;
  /** How long `healthy` waits. Default 2 s, as upstream. */
  readonly healthTimeoutMs?: number;
}

/** etcd's `--max-txn-ops`, for conditions and for writes. */
const MOST_OPERATIONS = 128;
/** Nothing is stored under it; reading it takes a quorum all the same. */
const NO_KEY = 'muster-reads-the-revision';

/**
 * A store in an etcd of 3.4 or later. Nothing is asked of etcd until the first call; failures of members are no failures as long as
 * another one answers.
 *
 * @throws RangeError for URLs that are none; whatever `tls` throws
 */
export function createEtcdStore(options: EtcdStoreOptions): Store {
  return new EtcdStore(options);
}

class EtcdStore implements Store {
  readonly #options: EtcdStoreOptions;
  readonly #endpoints: Endpoints;
  readonly #leases: EtcdLeases;
  readonly #watches = new Set<EtcdWatch>();
  readonly #compactor: { stop(): void } | undefined;
  /** What this process had forgotten; etcd keeps one revision more, with its deletions. */
  #compacted: Revision = 1;
  readonly #history = new ForwardHistory();

  constructor(options: EtcdStoreOptions) {
    const { clock, logger, random, tls, compactionIntervalMs = 0 } = options;
    this.#options = options;
    this.#endpoints = new Endpoints({
      servers: parseServerUrls(options.servers),
      ...(tls && { tls }),
      clock,
      logger,
      random,
    });
    this.#leases = new EtcdLeases(this.#endpoints);
    if (compactionIntervalMs > 0)
      this.#compactor = startCompactor({ endpoints: this.#endpoints, clock, logger, intervalMs: compactionIntervalMs });
  }

  async get(key: string): Promise<{ entry: KeyValue | undefined; revision: Revision }> {
    this.#checkOpen();
    const check = this.#history.begin();
    const { kvs, header } = await this.#endpoints.call(etcdMethods.range, { key });
    return { entry: kvs[0] && toKeyValue(kvs[0]), revision: check(header!.revision) };
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListResult> {
    this.#checkOpen();
    checkList(prefix, options);
    const { revision } = options;
    if (revision !== undefined && revision < this.#compacted) throw compactedError(revision, this.#compacted);
    return readList(this.#endpoints, prefix, options);
  }

  async count(prefix: string): Promise<number> {
    this.#checkOpen();
    return (await this.#endpoints.call(etcdMethods.range, { ...rangeOf(prefix), countOnly: true })).count;
  }

  async transact(compares: readonly Compare[], writes: readonly Write[]): Promise<TransactionResult> {
    this.#checkOpen();
    checkTransaction(compares, writes);
    const most = Math.max(compares.length, writes.length);
    if (most > MOST_OPERATIONS)
      throw new StoreError('too-large', `etcd: a transaction of ${most} operations is longer than etcd's ${MOST_OPERATIONS}`);
    const check = this.#history.begin();
    const { succeeded, header, responses } = await this.#endpoints.call(etcdMethods.txn, {
      compare: compares.map(({ key, modRevision }) => ({ key, modRevision, target: COMPARE_MOD_REVISION })),
      success: writes.map(toOperation),
      failure: compares.map(({ key }) => ({ range: { key } })),
    });
    const current = succeeded ? [] : responses.map(({ range }) => range?.kvs[0] && toKeyValue(range.kvs[0]));
    return { succeeded, revision: check(header!.revision), current };
  }

  watch(prefix: string, fromRevision: Revision, sink: WatchSink): WatchHandle {
    const { clock, logger, random } = this.#options;
    const watch = new EtcdWatch({ endpoints: this.#endpoints, clock, logger, random }, prefix, fromRevision, sink);
    this.#watches.add(watch);
    void watch.run().finally(() => this.#watches.delete(watch));
    return watch;
  }

  async compact(revision: Revision): Promise<void> {
    const newest = await this.revision();
    checkRevision(revision, 0, newest);
    if (revision <= this.#compacted) return;
    // etcd forgets the deletions of the very revision that it is compacted at; they are part of what is to be kept.
    const at = revision - 1;
    try {
      if (at > 0) await this.#endpoints.call(etcdMethods.compact, { revision: at });
    } catch (error) {
      // Somebody else has forgotten more already.
      if (!(error instanceof StoreError && error.code === 'compacted')) throw error;
    }
    this.#compacted = Math.max(this.#compacted, revision);
  }

  async revision(): Promise<Revision> {
    this.#checkOpen();
    return this.#read();
  }

  async grantLease(ttlMs: number): Promise<LeaseId> {
    this.#checkOpen();
    return this.#leases.grant(ttlMs);
  }

  async keepLeaseAlive(id: LeaseId): Promise<void> {
    this.#checkOpen();
    return this.#leases.keepAlive(id);
  }

  async revokeLease(id: LeaseId): Promise<void> {
    this.#checkOpen();
    return this.#leases.revoke(id);
  }

  async healthy(): Promise<void> {
    this.#checkOpen();
    const timeoutMs = this.#options.healthTimeoutMs ?? 2_000;
    await this.#read({ timeoutMs, patienceMs: timeoutMs });
  }

  async close(): Promise<void> {
    if (this.#endpoints.closed) return;
    this.#compactor?.stop();
    for (const watch of [...this.#watches]) watch.end();
    this.#endpoints.close();
  }

  /** The newest revision, by a read that takes a quorum. */
  async #read(options: EtcdCallOptions = {}): Promise<Revision> {
    const check = this.#history.begin();
    const { header } = await this.#endpoints.call(etcdMethods.range, { key: NO_KEY, countOnly: true }, options);
    return check(header!.revision);
  }

  #checkOpen(): void {
    if (this.#endpoints.closed) throw closedError();
  }
}

function toOperation(write: Write): MessageInput<EtcdMessages, 'RequestOp'> {
  if (write.type === 'delete') return { deleteRange: { key: write.key } };
  const { key, value, leaseId } = write;
  if (leaseId === undefined) return { put: { key, value } };
  const lease = leaseNumberOf(leaseId);
  if (lease === undefined) throw leaseNotFoundError(leaseId);
  return { put: { key, value, lease } };
}
