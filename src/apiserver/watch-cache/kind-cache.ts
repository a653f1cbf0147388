import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type CachedEvent, initialItem, type WatchItem } from './cached-event.ts';
import type { CachedObject } from './cached-object.ts';
import { EventHistory } from './event-history.ts';
import { SortedObjects } from './sorted-objects.ts';

/** A field that must have one value for a watcher to see anything: lets a change find its watchers without asking each. */
export interface Trigger {
  readonly field: string;
  readonly value: string;
  readonly valueOf: (object: CachedObject) => string;
}

/** One watch. Calls come in order and must not block; after `closed` nothing more comes. */
export interface Watcher {
  readonly kind: KindDefinition;
  /** Every key that concerns it begins so. */
  readonly keyPrefix: string;
  /** Further conditions; absent: all objects under the prefix. */
  readonly matches?: (object: CachedObject) => boolean;
  readonly trigger?: Trigger;
  item(item: WatchItem): void;
  /** Takes changes and what is there as they are stored, instead of items, whatever the conditions say. */
  readonly raw?: (change: CachedEvent | CachedObject) => void;
  /** The cache lost track of the store: the watch is to end, and its client to begin again. */
  closed(): void;
}

/** Where a watch begins: with what is there now, or behind a revision. */
export type WatchStart = 'now' | { readonly after: number };

export type ChangeListener = (event: CachedEvent) => void;

interface TriggerIndex {
  readonly valueOf: (object: CachedObject) => string;
  readonly byValue: Map<string, Set<LiveWatcher>>;
}

interface LiveWatcher {
  readonly watcher: Watcher;
  /** Events up to here are not for it. */
  readonly after: number;
}

/** Everything that is stored under one storage path, with its latest changes and its watchers. */
export class KindCache {
  readonly objects = new SortedObjects();
  #history: EventHistory;
  readonly #untriggered = new Set<LiveWatcher>();
  readonly #triggers = new Map<string, TriggerIndex>();
  readonly #listeners = new Set<ChangeListener>();
  #eventCount = 0;

  constructor(knownFrom: number) {
    this.#history = new EventHistory(knownFrom);
  }

  /** Changes since the cache was opened. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** The oldest revision that a watch can begin behind. */
  get oldestStart(): number {
    return this.#history.forgottenUpTo;
  }

  /** Takes a change in and tells everyone whom it concerns. */
  apply(event: CachedEvent): void {
    this.#eventCount++;
    if (event.current) this.objects.put(event.current);
    else this.objects.delete(event.previous!.key);
    this.#history.add(event);
    for (const listener of this.#listeners) listener(event);
    for (const live of this.#untriggered) this.#tell(live, event);
    for (const index of this.#triggers.values()) this.#tellTriggered(index, event);
    event.previous?.forgetParsed();
  }

  /** Lets go of changes that are too old to be kept, and of parsed objects that nobody uses. Returns whether there will be some in a while. */
  forgetOld(nowMs: number): boolean {
    let more = this.#history.forgetOld(nowMs);
    for (const object of this.objects.values()) more = object.forgetUnused() || more;
    return more;
  }

  /**
   * Begins a watch: its first items come before this returns, everything later as it happens.
   *
   * @returns the way to end it, or undefined when the start is older than what is known
   */
  watch(watcher: Watcher, start: WatchStart): (() => void) | undefined {
    let after = 0;
    if (start === 'now') {
      for (const object of this.objects.range(watcher.keyPrefix)) {
        if (watcher.raw) {
          watcher.raw(object);
          continue;
        }
        const shown = object.as(watcher.kind);
        if (!watcher.matches || watcher.matches(shown)) watcher.item(initialItem(shown));
      }
    } else {
      after = start.after;
      if (after < this.oldestStart) return undefined;
      for (const event of this.#history.since(after)) this.#tell({ watcher, after }, event);
    }
    return this.#enlist({ watcher, after });
  }

  /** What a watch that begins behind a revision looks at first: objects under the prefix as they were changed from and to. */
  changedSince(revision: number, keyPrefix: string): CachedObject[] {
    if (revision < this.oldestStart) return [];
    const changed = new Set<CachedObject>();
    for (const { current, previous } of this.#history.since(revision))
      for (const object of [previous, current]) if (object?.key.startsWith(keyPrefix)) changed.add(object);
    return [...changed];
  }

  /** Calls back after each change, before watchers hear of it. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** After changes were missed: watchers must begin again, from a list at `knownFrom` or later. */
  restart(knownFrom: number): void {
    this.#history = new EventHistory(knownFrom);
    this.closeWatchers();
  }

  closeWatchers(): void {
    const sets = [this.#untriggered, ...[...this.#triggers.values()].flatMap((index) => [...index.byValue.values()])];
    const all = sets.flatMap((set) => [...set]);
    for (const set of sets) set.clear();
    this.#triggers.clear();
    for (const { watcher } of all) watcher.closed();
  }

  #enlist(live: LiveWatcher): () => void {
    const set = this.#setFor(live.watcher);
    set.add(live);
    return () => {
      if (!set.delete(live)) return;
      const { trigger } = live.watcher;
      if (trigger && set.size === 0) this.#triggers.get(trigger.field)?.byValue.delete(trigger.value);
    };
  }

  #setFor({ trigger }: Watcher): Set<LiveWatcher> {
    if (!trigger) return this.#untriggered;
    let index = this.#triggers.get(trigger.field);
    if (!index) {
      index = { valueOf: trigger.valueOf, byValue: new Map() };
      this.#triggers.set(trigger.field, index);
    }
    let set = index.byValue.get(trigger.value);
    if (!set) {
      set = new Set();
      index.byValue.set(trigger.value, set);
    }
    return set;
  }

  #tellTriggered(index: TriggerIndex, event: CachedEvent): void {
    const { byValue } = index;
    if (byValue.size === 0) return;
    const now = event.current && index.valueOf(event.current);
    const before = event.previous && index.valueOf(event.previous);
    if (now !== undefined) for (const live of byValue.get(now) ?? []) this.#tell(live, event);
    if (before !== undefined && before !== now) for (const live of byValue.get(before) ?? []) this.#tell(live, event);
  }

  #tell({ watcher, after }: LiveWatcher, event: CachedEvent): void {
    if (event.revision <= after) return;
    const { key } = (event.current ?? event.previous)!;
    if (!key.startsWith(watcher.keyPrefix)) return;
    if (watcher.raw) {
      watcher.raw(event);
      return;
    }
    const item = event.itemFor(watcher.kind, watcher.matches);
    if (item) watcher.item(item);
  }
}
