/**
 * The storage contract: etcd's semantics in the smallest form that the API server needs. A store knows keys and bytes,
 * nothing of Kubernetes. All drivers run the suite in `store-contract.ts`.
 *
 * - One revision for the whole store, starting at 1 for an empty one. Each successful transaction that writes raises it by one;
 *   all its writes carry that revision.
 * - A write is acknowledged only when it is durable to the driver's promise (memory: the process; sqlite: fsync; etcd: a quorum).
 * - Reads are linearizable unless a revision is given.
 */

/** A point in the store's history. Positive; fits a JavaScript integer. */
export type Revision = number;

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the write that made the key. */
  readonly createRevision: Revision;
  /** Revision of the last write to the key. */
  readonly modRevision: Revision;
}

/** One write of a transaction. A key may occur once. */
export type Write =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array; readonly leaseId?: LeaseId }
  | { readonly type: 'delete'; readonly key: string };

/** Holds when the key's last write has this revision; 0 means that the key does not exist. */
export interface Compare {
  readonly key: string;
  readonly modRevision: Revision;
}

export interface TransactionResult {
  /** Whether all compares held and the writes were made. */
  readonly succeeded: boolean;
  /** The store's revision after the transaction. */
  readonly revision: Revision;
  /** When not succeeded: what the compared keys hold now, in the order of the compares. */
  readonly current: readonly (KeyValue | undefined)[];
}

export interface ListOptions {
  /** Most entries to return. */
  readonly limit?: number;
  /** Return only keys >= this one; it must begin with the prefix. */
  readonly startKey?: string;
  /** Read the state as of this revision. Fails with `compacted` or `future-revision`. */
  readonly revision?: Revision;
}

export interface ListResult {
  /** Ascending by the key's UTF-8 bytes. */
  readonly entries: readonly KeyValue[];
  /** The revision that was read. */
  readonly revision: Revision;
  /** How many entries under the prefix, from `startKey` on, were left out because of the limit. */
  readonly remaining: number;
}

export type StoreEvent =
  | { readonly type: 'put'; readonly entry: KeyValue; readonly previous: KeyValue | undefined }
  | { readonly type: 'delete'; readonly key: string; readonly revision: Revision; readonly previous: KeyValue | undefined };

/**
 * What a watch tells its owner. Calls come in order, one batch for each revision that touched the prefix, never before the
 * write is acknowledged to be durable. After `closed` nothing more comes.
 */
export interface WatchSink {
  /** Set by an owner that never looks at what was there before: it need not be read for it, and `previous` may be left out. */
  readonly withoutPrevious?: true;
  events(events: readonly StoreEvent[], revision: Revision): void;
  /** With an error: `compacted` (start again from a list), `unavailable`. Without: the watch was closed by its owner or the store's end. */
  closed(error?: StoreError): void;
}

export interface WatchHandle {
  close(): void;
}

export type LeaseId = string;

export interface Store {
  /** The entry, or undefined, and the revision at which it was read. */
  get(key: string): Promise<{ readonly entry: KeyValue | undefined; readonly revision: Revision }>;
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  /** How many keys begin with the prefix. */
  count(prefix: string): Promise<number>;
  /** Checks all compares and makes all writes, or none. Deleting a missing key is no write. */
  transact(compares: readonly Compare[], writes: readonly Write[]): Promise<TransactionResult>;
  /** Every change under the prefix with a revision >= `fromRevision`, then those to come. A compacted start is told by `closed`. */
  watch(prefix: string, fromRevision: Revision, sink: WatchSink): WatchHandle;
  /** Forgets history before `revision`: what was overwritten or deleted earlier can be read no more. */
  compact(revision: Revision): Promise<void>;
  /** The newest revision. */
  revision(): Promise<Revision>;
  /** A lease that ends after `ttlMs` unless kept alive; with it go the keys last written under it. */
  grantLease(ttlMs: number): Promise<LeaseId>;
  /** Starts the lease's time again. Fails with `lease-not-found`. */
  keepLeaseAlive(id: LeaseId): Promise<void>;
  /** Ends a lease now and deletes its keys. */
  revokeLease(id: LeaseId): Promise<void>;
  /** Resolves when the store can read and write; rejects with what is wrong. */
  healthy(): Promise<void>;
  /** Resolves with why when all calls fail until the store is opened again. Absent where that cannot be. */
  readonly failed?: Promise<StoreError>;
  /** Ends every watch and frees everything. Further calls fail with `closed`. */
  close(): Promise<void>;
}

export type StoreErrorCode =
  | 'compacted'
  | 'future-revision'
  | 'lease-not-found'
  | 'unavailable'
  | 'no-space'
  | 'too-large'
  | 'corrupt'
  | 'locked'
  | 'incompatible'
  | 'closed';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
