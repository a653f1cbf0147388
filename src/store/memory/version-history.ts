import { prefixEnd } from '../key-order.ts';
import type { KeyValue, ListOptions, ListResult, Revision, StoreEvent } from '../store.ts';
import type { ChangeBatch } from '../watch-hub.ts';
import { CATCH_UP_REVISIONS } from '../watch-hub.ts';
import { SortedKeys } from './sorted-keys.ts';

/** What a key was from a revision on; without an entry it was deleted. */
interface Version {
  readonly revision: Revision;
  readonly entry: KeyValue | undefined;
}

/** What a batch costs in memory beyond the values it replaced; an estimate. */
const BATCH_OVERHEAD_BYTES = 512;

/**
 * All versions since the last compaction.
 *
 *     versions:  key → [oldest … newest]      alive: keys whose newest version is an entry
 *     log:       one batch per revision, without gaps, so a revision's place is a subtraction
 *
 * Compacting at C keeps, of each key, the newest version at or before C and all later ones, and the batches from C on.
 */
export class VersionHistory {
  readonly #versions = new Map<string, Version[]>();
  /** Keys with any version, deleted ones too. */
  readonly #known = new SortedKeys();
  readonly #alive = new SortedKeys();
  #log: ChangeBatch[] = [];
  #replacedBytes = 0;
  #compacted: Revision = 1;
  #newest: Revision = 1;

  get compacted(): Revision {
    return this.#compacted;
  }

  get newest(): Revision {
    return this.#newest;
  }

  /** Estimated bytes held only for reads and watches of the past. */
  get historyBytes(): number {
    return this.#replacedBytes + this.#log.length * BATCH_OVERHEAD_BYTES;
  }

  /** The entry of a key now. */
  get(key: string): KeyValue | undefined {
    return this.#versions.get(key)?.at(-1)?.entry;
  }

  /** Adds a revision; `events` belong to it and describe changes to what `get` returns. */
  append(events: readonly StoreEvent[], revision: Revision): void {
    for (const event of events) {
      const put = event.type === 'put';
      const key = put ? event.entry.key : event.key;
      const versions = this.#versions.get(key);
      const version = { revision, entry: put ? event.entry : undefined };
      if (versions) versions.push(version);
      else {
        this.#versions.set(key, [version]);
        this.#known.add(key);
      }
      if (put) this.#alive.add(key);
      else this.#alive.delete(key);
      this.#replacedBytes += event.previous?.value.length ?? 0;
    }
    this.#log.push({ revision, events });
    this.#newest = revision;
  }

  /** The entries under a prefix as of `revision`, which must be neither compacted nor future. */
  list(prefix: string, { startKey, limit }: ListOptions, revision: Revision): ListResult {
    const most = limit || Number.POSITIVE_INFINITY;
    const end = prefixEnd(prefix);
    const from = startKey ?? prefix;
    const isNewest = revision === this.#newest;
    const entries: KeyValue[] = [];
    let left = 0;
    (isNewest ? this.#alive : this.#known).scan(from, end, (key) => {
      const entry = isNewest ? this.get(key) : this.#entryAt(key, revision);
      if (entry && entries.length < most) entries.push(entry);
      else if (entry) left++;
      // Of the newest state the rest can be counted without looking at it.
      return !isNewest || entries.length < most;
    });
    const remaining = isNewest ? this.#alive.count(from, end) - entries.length : left;
    return { entries, revision, remaining };
  }

  /** How many keys under the prefix exist now. */
  count(prefix: string): number {
    return this.#alive.count(prefix, prefixEnd(prefix));
  }

  /** See `WatchHistory.changes`. */
  changes(prefix: string, from: Revision, upTo: Revision): { batches: ChangeBatch[]; next: Revision } {
    // Revision 1 is the empty store: nothing happened in it.
    const first = this.#log[0]?.revision ?? this.#newest + 1;
    const start = Math.max(from, first);
    const end = Math.min(upTo + 1, start + CATCH_UP_REVISIONS);
    const batches: ChangeBatch[] = [];
    for (const { revision, events } of this.#log.slice(start - first, end - first)) {
      const matching = events.filter((event) => (event.type === 'put' ? event.entry.key : event.key).startsWith(prefix));
      if (matching.length > 0) batches.push({ revision, events: matching });
    }
    return { batches, next: Math.max(end, from) };
  }

  /** Forgets what only revisions before `revision` need; `revision` must not be in the future. */
  compact(revision: Revision): void {
    if (revision <= this.#compacted) return;
    this.#compacted = revision;
    const touched = new Set<string>();
    let kept = 0;
    for (const batch of this.#log) {
      if (batch.revision > revision) break;
      for (const event of batch.events) touched.add(event.type === 'put' ? event.entry.key : event.key);
      if (batch.revision === revision) break;
      for (const { previous } of batch.events) this.#replacedBytes -= previous?.value.length ?? 0;
      kept++;
    }
    this.#log = this.#log.slice(kept);
    for (const key of touched) this.#trim(key, revision);
  }

  /** The revision that must be compacted so that at most `bytes` of history stay; undefined when that much is not there. */
  revisionToKeep(bytes: number): Revision | undefined {
    let over = this.historyBytes - bytes;
    for (const { revision, events } of this.#log) {
      if (over <= 0) return revision;
      over -= BATCH_OVERHEAD_BYTES;
      for (const { previous } of events) over -= previous?.value.length ?? 0;
    }
    return this.#log.at(-1)?.revision;
  }

  #entryAt(key: string, revision: Revision): KeyValue | undefined {
    return this.#versions.get(key)?.findLast((version) => version.revision <= revision)?.entry;
  }

  #trim(key: string, revision: Revision): void {
    const versions = this.#versions.get(key);
    if (!versions) return;
    const newestOld = versions.findLastIndex((version) => version.revision <= revision);
    // A deletion needs no version: a key without one does not exist either.
    const drop = newestOld >= 0 && !versions[newestOld]!.entry ? newestOld + 1 : newestOld;
    if (drop > 0) versions.splice(0, drop);
    if (versions.length > 0) return;
    this.#versions.delete(key);
    this.#known.delete(key);
  }
}
