import type { Compare, ListOptions, Revision, Write } from './store.ts';
import { StoreError } from './store.ts';

/** Most writes in one transaction: sqlite numbers them within the revision with 12 bits. */
export const MAX_TRANSACTION_WRITES = 4096;

/** Throws a RangeError or TypeError for what no driver can store: a key twice, an empty or ill-formed key, too many writes. */
export function checkTransaction(compares: readonly Compare[], writes: readonly Write[]): void {
  for (const { key } of compares) checkKey(key);
  if (writes.length > MAX_TRANSACTION_WRITES)
    throw new RangeError(`a transaction of ${writes.length} writes is longer than ${MAX_TRANSACTION_WRITES}`);
  const seen = new Set<string>();
  for (const write of writes) {
    const { key } = write;
    checkKey(key);
    if (write.type === 'put' && !(write.value instanceof Uint8Array))
      throw new TypeError(`the value of key ${JSON.stringify(key)} is no Uint8Array`);
    if (seen.has(key)) throw new RangeError(`key ${JSON.stringify(key)} is written twice in one transaction`);
    seen.add(key);
  }
}

function checkKey(key: string): void {
  if (key === '') throw new RangeError('a key must not be empty');
  // It would be stored as U+FFFD, and two keys become one.
  if (!key.isWellFormed()) throw new RangeError(`key ${JSON.stringify(key)} is not well-formed Unicode`);
}

/** Throws when a list is asked to begin outside its prefix or to hold a number of entries that is none. */
export function checkList(prefix: string, options: ListOptions): void {
  const { startKey, limit } = options;
  if (startKey !== undefined && !startKey.startsWith(prefix))
    throw new RangeError(`start key ${JSON.stringify(startKey)} does not begin with the prefix ${JSON.stringify(prefix)}`);
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) throw new RangeError(`limit ${limit} is no count`);
}

/** Throws `compacted` or `future-revision` unless the state as of `revision` can be read; etcd's words. */
export function checkRevision(revision: Revision, compacted: Revision, newest: Revision): void {
  if (revision < compacted) throw compactedError(revision, compacted);
  if (revision > newest)
    throw new StoreError('future-revision', `revision ${revision} is a future revision: the newest is ${newest}`);
}

/** The error for a read or watch from before the last compaction. */
export function compactedError(revision: Revision, compacted: Revision): StoreError {
  return new StoreError('compacted', `revision ${revision} has been compacted: the oldest that can be read is ${compacted}`);
}

/** The error of every call after `close()`. */
export function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}

/** The error for a lease that was never granted, has ended or was revoked. */
export function leaseNotFoundError(id: string): StoreError {
  return new StoreError('lease-not-found', `lease ${JSON.stringify(id)} does not exist`);
}
