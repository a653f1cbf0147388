import { leaseNotFoundError, MAX_TRANSACTION_WRITES } from '../request-check.ts';
import type { Compare, LeaseId, Revision, TransactionResult, Write } from '../store.ts';
import type { Batch } from './commit-queue.ts';
import type { Head, RecordId, Tables } from './tables.ts';
import { firstId, revisionOf } from './tables.ts';

/** Guess of what a record costs in the log besides its value: its page's rest and the page of its head. */
const RECORD_LOG_BYTES = 8192;
const NO_VALUE = new Uint8Array(0);

/** Runs a checked transaction in a batch: compares see what earlier jobs of the same batch wrote. */
export function runTransaction(
  tables: Tables,
  batch: Batch,
  compares: readonly Compare[],
  writes: readonly Write[],
): TransactionResult {
  // What is compared is written most often: it is looked up once.
  const heads = new Map<string, Head | undefined>();
  const holds = ({ key, modRevision }: Compare) => {
    const head = tables.head(key);
    heads.set(key, head);
    return (head?.alive ? revisionOf(head.id) : 0) === modRevision;
  };
  if (!compares.every(holds)) {
    const current = compares.map(({ key }) => tables.entryBefore(key, Number.POSITIVE_INFINITY));
    return { succeeded: false, revision: batch.revision, current };
  }
  // Before the first write, since a failure then could not be told from the batch's.
  const leases = writes.map((write) => (write.type === 'put' ? knownLease(tables, write.leaseId) : undefined));
  const revision = batch.revision + 1;
  let id = firstId(revision);
  for (const [i, write] of writes.entries())
    if (writeRecord(tables, batch, { write, id, revision, lease: leases[i] }, heads)) id++;
  if (id > firstId(revision)) batch.revision = revision;
  return { succeeded: true, revision: batch.revision, current: [] };
}

/** Deletes up to a revision's worth of the keys under a lease; once none is left ends the lease. True when it is ended. */
export function runRevoke(tables: Tables, batch: Batch, id: LeaseId): boolean {
  const lease = knownLease(tables, id)!;
  const keys = tables.keysOfLease(lease, MAX_TRANSACTION_WRITES);
  const writes = keys.map((key) => ({ type: 'delete', key }) as const);
  runTransaction(tables, batch, [], writes);
  if (keys.length === MAX_TRANSACTION_WRITES) return false;
  tables.deleteLease(lease);
  batch.dirty = true;
  return true;
}

/** Heads that have been looked up. No key is written twice in a transaction. */
type Heads = ReadonlyMap<string, Head | undefined>;

interface NewRecord {
  readonly write: Write;
  readonly id: RecordId;
  readonly revision: Revision;
  readonly lease: number | undefined;
}

function writeRecord(tables: Tables, batch: Batch, { write, id, revision, lease }: NewRecord, heads: Heads): boolean {
  const { key } = write;
  const head = heads.has(key) ? heads.get(key) : tables.head(key);
  if (write.type === 'delete' && !head?.alive) return false;
  const createRevision = write.type === 'delete' ? 0 : head?.alive ? head.createRevision : revision;
  const value = write.type === 'put' ? write.value : NO_VALUE;
  const record = { id, key, createRevision, previousId: head?.id ?? null, value };
  tables.append(record, lease);
  batch.records.push(record);
  batch.dirty = true;
  batch.logBytes += RECORD_LOG_BYTES + value.length;
  return true;
}

/** The lease's row, undefined for no lease. */
function knownLease(tables: Tables, id: LeaseId | undefined): number | undefined {
  if (id === undefined) return undefined;
  const row = /^[1-9]\d{0,14}$/.test(id) ? Number(id) : undefined;
  if (row === undefined || !tables.hasLease(row)) throw leaseNotFoundError(id);
  return row;
}
