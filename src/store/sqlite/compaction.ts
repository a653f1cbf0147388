import type { Revision } from '../store.ts';
import type { Batch } from './commit-queue.ts';
import type { Tables } from './tables.ts';
import { endOfSlice, firstId } from './tables.ts';

/** How many revisions are looked at in one transaction: a few milliseconds, after which waiting writers get their turn. */
const SLICE_REVISIONS = 256;

/** Moves the oldest readable revision; what lies before it is removed by `sweepSlice`. */
export function markCompacted(tables: Tables, batch: Batch, revision: Revision): void {
  if (revision <= tables.meta('compacted_revision')) return;
  tables.setMeta('compacted_revision', revision);
  batch.dirty = true;
}

/**
 * Removes a part of what was compacted: what the records before the compacted revision replaced, and deletions among them.
 * Records of the compacted revision itself keep what they replaced, for watches that start there. True when nothing is left to do.
 */
export function sweepSlice(tables: Tables, batch: Batch): boolean {
  const compacted = tables.meta('compacted_revision');
  const swept = tables.meta('swept_revision');
  if (swept >= compacted) return true;
  const furthest = Math.min(compacted, swept + SLICE_REVISIONS);
  const records = tables.scan(firstId(swept), firstId(furthest));
  // What was replaced is about as large as what took its place.
  const next = endOfSlice(records, furthest);
  for (const { id, key, createRevision, previousId } of records) {
    if (id >= firstId(next)) break;
    if (previousId !== null) tables.forgetRecord(previousId);
    if (createRevision !== 0) continue;
    tables.forgetRecord(id);
    tables.forgetHead(key, id);
  }
  tables.setMeta('swept_revision', next);
  batch.dirty = true;
  batch.logBytes += (next - swept) * 4096;
  return next === compacted;
}
