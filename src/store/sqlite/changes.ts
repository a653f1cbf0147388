import type { Revision, StoreEvent } from '../store.ts';
import type { ChangeBatch } from '../watch-hub.ts';
import { CATCH_UP_REVISIONS } from '../watch-hub.ts';
import type { StoredRecord, Tables } from './tables.ts';
import { endOfSlice, firstId, revisionOf, toEntry } from './tables.ts';

/**
 * The changes of these records, one batch a revision; keys that are not wanted are left out, and revisions without any. What was there
 * before is read when `withPrevious`.
 */
export function toBatches(
  tables: Tables,
  records: readonly StoredRecord[],
  wanted: (key: string) => boolean,
  withPrevious = true,
): { revision: Revision; events: StoreEvent[] }[] {
  const batches: { revision: Revision; events: StoreEvent[] }[] = [];
  for (const record of records) {
    if (!wanted(record.key)) continue;
    const revision = revisionOf(record.id);
    const event = toEvent(tables, record, revision, withPrevious);
    const batch = batches.at(-1);
    if (batch?.revision === revision) batch.events.push(event);
    else batches.push({ revision, events: [event] });
  }
  return batches;
}

/** See `WatchHistory.changes`. */
export function readChanges(
  tables: Tables,
  prefix: string,
  from: Revision,
  upTo: Revision,
): { batches: ChangeBatch[]; next: Revision } {
  const furthest = Math.min(upTo + 1, from + CATCH_UP_REVISIONS);
  const matching = tables.scan(firstId(from), firstId(furthest)).filter(({ key }) => key.startsWith(prefix));
  const next = endOfSlice(matching, furthest);
  const records = matching.flatMap(({ id }) => (id < firstId(next) ? tables.record(id)! : []));
  return { batches: toBatches(tables, records, () => true), next };
}

function toEvent(tables: Tables, record: StoredRecord, revision: Revision, withPrevious: boolean): StoreEvent {
  const before = record.previousId === null || !withPrevious ? undefined : tables.record(record.previousId);
  const previous = before && toEntry(before);
  const entry = toEntry(record);
  return entry ? { type: 'put', entry, previous } : { type: 'delete', key: record.key, revision, previous };
}
