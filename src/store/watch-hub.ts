import type { Logger } from '../std/logger.ts';
import { closedError, compactedError } from './request-check.ts';
import type { Revision, StoreEvent, WatchHandle, WatchSink } from './store.ts';
import { StoreError } from './store.ts';

/** All changes of one revision, or those of them under a prefix. */
export interface ChangeBatch {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

/** Where a watch that starts in the past reads what it missed. */
export interface WatchHistory {
  compactedRevision(): Revision;
  /**
   * Batches under the prefix with revisions in [from, upTo], ascending, about `CATCH_UP_REVISIONS` revisions of history at most;
   * `next` is the first revision that was not looked at.
   */
  changes(prefix: string, from: Revision, upTo: Revision): { readonly batches: readonly ChangeBatch[]; readonly next: Revision };
}

/** How much history a watch reads before it lets others run. */
export const CATCH_UP_REVISIONS = 256;

interface Watcher {
  readonly prefix: string;
  readonly sink: WatchSink;
  /** The first revision not yet told. */
  next: Revision;
  /** Live watchers are told by `publish`; the others still read history. */
  live: boolean;
  closed: boolean;
}

/**
 * Tells watches of changes, in order, each batch once.
 *
 *     watch() ──► catching up: reads history in portions, up to `told` ──► live: gets what publish() brings
 *
 * Both happen in the same thread, so a watch turns live exactly when nothing lies between what it read and what comes next.
 * Watchers are grouped by prefix: an event costs a look-up per distinct prefix length, not per watch.
 */
export class WatchHub {
  readonly #history: WatchHistory;
  readonly #logger: Logger;
  readonly #groups = new Map<string, Set<Watcher>>();
  /** Prefix length → number of groups. */
  readonly #lengths = new Map<number, number>();
  /** How many watchers look at what was there before. */
  #wantPrevious = 0;
  #told: Revision;
  #closed = false;

  /** @param told the newest revision whose changes are in the history already */
  constructor(history: WatchHistory, told: Revision, logger: Logger) {
    this.#history = history;
    this.#told = told;
    this.#logger = logger;
  }

  watch(prefix: string, fromRevision: Revision, sink: WatchSink): WatchHandle {
    const watcher: Watcher = { prefix, sink, next: fromRevision, live: false, closed: false };
    // Never from within this call: the owner has no handle yet.
    if (this.#closed) queueMicrotask(() => this.#end(watcher, closedError()));
    else {
      this.#add(watcher);
      queueMicrotask(() => this.#catchUp(watcher));
    }
    return { close: () => this.#end(watcher) };
  }

  /** Whether somebody watches a prefix of this key. */
  wants(key: string): boolean {
    for (const length of this.#lengths.keys()) if (this.#groups.has(key.slice(0, length))) return true;
    return false;
  }

  /** Whether somebody looks at what was there before. */
  get wantsPrevious(): boolean {
    return this.#wantPrevious > 0;
  }

  /** Tells live watchers; `batches` ascend and follow what was published before. Events that nobody `wants` may be left out. */
  publish(batches: readonly ChangeBatch[]): void {
    for (const { revision, events } of batches) {
      this.#told = revision;
      for (const [group, matching] of this.#match(events))
        for (const watcher of group) if (watcher.live && watcher.next <= revision) this.#tell(watcher, matching, revision);
    }
  }

  /** Ends every watch; without an error as the orderly end of the store. */
  close(error?: StoreError): void {
    this.#closed = true;
    for (const group of [...this.#groups.values()]) for (const watcher of [...group]) this.#end(watcher, error);
  }

  #match(events: readonly StoreEvent[]): Map<Set<Watcher>, StoreEvent[]> {
    const matches = new Map<Set<Watcher>, StoreEvent[]>();
    for (const event of events) {
      const key = event.type === 'put' ? event.entry.key : event.key;
      for (const length of this.#lengths.keys()) {
        const group = length <= key.length ? this.#groups.get(key.slice(0, length)) : undefined;
        if (!group) continue;
        const matching = matches.get(group);
        if (matching) matching.push(event);
        else matches.set(group, [event]);
      }
    }
    return matches;
  }

  #catchUp(watcher: Watcher): void {
    if (watcher.closed) return;
    const compacted = this.#history.compactedRevision();
    if (watcher.next < compacted) {
      this.#end(watcher, compactedError(watcher.next, compacted));
      return;
    }
    if (watcher.next <= this.#told) {
      try {
        const { batches, next } = this.#history.changes(watcher.prefix, watcher.next, this.#told);
        watcher.next = next;
        for (const { events, revision } of batches) this.#tell(watcher, events, revision);
      } catch (error) {
        this.#end(watcher, error instanceof StoreError ? error : new StoreError('unavailable', String(error), { cause: error }));
        return;
      }
    }
    if (watcher.next > this.#told) watcher.live = true;
    else setImmediate(() => this.#catchUp(watcher));
  }

  #tell(watcher: Watcher, events: readonly StoreEvent[], revision: Revision): void {
    if (watcher.closed) return;
    try {
      watcher.sink.events(events, revision);
    } catch (error) {
      this.#logger.error('A watch failed to take an event and is closed', { prefix: watcher.prefix, revision, error });
      this.#end(watcher, new StoreError('unavailable', `the watch of ${watcher.prefix} failed`, { cause: error }));
    }
  }

  #end(watcher: Watcher, error?: StoreError): void {
    if (watcher.closed) return;
    watcher.closed = true;
    this.#remove(watcher);
    try {
      watcher.sink.closed(error);
    } catch (cause) {
      this.#logger.error('A watch failed at its end', { prefix: watcher.prefix, error: cause });
    }
  }

  #add(watcher: Watcher): void {
    const { prefix, sink } = watcher;
    if (!sink.withoutPrevious) this.#wantPrevious++;
    const group = this.#groups.get(prefix);
    if (group) {
      group.add(watcher);
      return;
    }
    this.#groups.set(prefix, new Set([watcher]));
    this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
  }

  #remove(watcher: Watcher): void {
    const { prefix } = watcher;
    const group = this.#groups.get(prefix);
    if (!group?.delete(watcher)) return;
    if (!watcher.sink.withoutPrevious) this.#wantPrevious--;
    if (group.size > 0) return;
    this.#groups.delete(prefix);
    const left = this.#lengths.get(prefix.length)! - 1;
    if (left > 0) this.#lengths.set(prefix.length, left);
    else this.#lengths.delete(prefix.length);
  }
}
