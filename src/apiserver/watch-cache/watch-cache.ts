import { apiVersionOf, type KindDefinition } from '../../api/machinery/kind.ts';
import { noSuchPath, StatusError } from '../../api/machinery/status-error.ts';
import { Backoff } from '../../std/backoff.ts';
import type { Clock, Timer } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { KeyValue, ListResult, Store, StoreError, StoreEvent, WatchHandle } from '../../store/store.ts';
import { type StoredForm, storedForm, storedVersion } from '../store-access/encoding.ts';
import type { Keyspace, ObjectKey } from '../store-access/keyspace.ts';
import { CachedEvent } from './cached-event.ts';
import { CachedObject } from './cached-object.ts';
import { KindCache } from './kind-cache.ts';
import { RevisionGate } from './revision-gate.ts';

export interface WatchCacheConfig {
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly kinds: readonly KindDefinition[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

/** How often what is too old, and what nobody uses, is let go of. */
const FORGET_EVERY_MS = 25_000;
const unknownKind = (path: string) => new CodedError(`nothing is stored under ${path}`, { code: 'UNKNOWN_KIND' });

interface OpenKind {
  readonly cache: KindCache;
  readonly form: StoredForm;
  /** The revision of the list that it began with. */
  readonly from: number;
  /** For kinds whose objects may be stored in several versions: their forms. */
  readonly versions: Map<string, StoredForm> | undefined;
}

function openKind(kind: KindDefinition, from: number): OpenKind {
  const stored = kind.storedAs ?? kind;
  return {
    cache: new KindCache(from),
    form: storedForm(apiVersionOf(stored), stored.kind),
    from,
    versions: kind.ownSchema && new Map(),
  };
}

function formOfVersion({ versions, form }: OpenKind, apiVersion: string, kind: string): StoredForm {
  if (apiVersion === form.apiVersion) return form;
  let known = versions?.get(apiVersion);
  if (!known) {
    known = storedForm(apiVersion, kind);
    versions?.set(apiVersion, known);
  }
  return known;
}

/**
 * A copy of all that is stored, in the form in which it is sent. One list and one watch of the whole store feed it:
 *
 *     store ──watch──► WatchCache ──by key──► KindCache: objects in order, latest changes, watchers
 *
 * Reads wait until it has seen every write that was acknowledged before them (`fresh`).
 */
export class WatchCache {
  readonly #config: WatchCacheConfig;
  readonly #byPath = new Map<string, OpenKind>();
  /** Kinds that are being opened, with the changes that came meanwhile. */
  readonly #opening = new Map<string, { event: StoreEvent; revision: number }[]>();
  readonly #gate: RevisionGate;
  /** How often the store was listed. */
  #loads = 0;
  #watch: WatchHandle | undefined;
  #forgetting: Timer | undefined;
  #stopped = false;

  constructor(config: WatchCacheConfig) {
    this.#config = config;
    this.#gate = new RevisionGate(config.clock, () => config.store.revision());
  }

  /** The revision up to which everything has been seen. */
  get revision(): number {
    return this.#gate.seen;
  }

  /** Lists the store once and follows it from there. */
  async start(): Promise<void> {
    await this.#load();
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.close();
    this.#forgetting?.cancel();
    this.#gate.close();
    for (const { cache } of this.#byPath.values()) cache.closeWatchers();
  }

  /** Ends every watch, and nothing else. */
  closeWatchers(): void {
    for (const { cache } of this.#byPath.values()) cache.closeWatchers();
  }

  kind(kind: Pick<KindDefinition, 'storagePath'>): KindCache {
    const found = this.#byPath.get(kind.storagePath);
    // A request may be on its way while its kind is taken away.
    if (!found) throw new StatusError(noSuchPath().status, { cause: unknownKind(kind.storagePath) });
    return found.cache;
  }

  /** How a kind's objects are written to the store. */
  form(kind: KindDefinition): StoredForm {
    const open = this.#byPath.get(kind.storagePath)!;
    return kind.ownSchema ? formOfVersion(open, apiVersionOf(kind.storedAs ?? kind), kind.kind) : open.form;
  }

  /**
   * Begins to hold a kind that came after the start: what is stored of it, and every change from then on. Nothing happens when its
   * storage path is held already.
   */
  async open(kind: KindDefinition): Promise<void> {
    const { store, keyspace } = this.#config;
    const { storagePath } = kind;
    if (this.#byPath.has(storagePath) || this.#opening.has(storagePath)) return;
    const missed: { event: StoreEvent; revision: number }[] = [];
    this.#opening.set(storagePath, missed);
    keyspace.add(kind);
    try {
      let loads: number;
      let list: ListResult;
      do {
        loads = this.#loads;
        list = await store.list(keyspace.collectionPrefix(kind));
        // The watch of the store began anew meanwhile: changes in between were not seen.
      } while (loads !== this.#loads);
      const opened = openKind(kind, list.revision);
      this.#byPath.set(storagePath, opened);
      for (const entry of list.entries) this.#place(entry, (cache, object) => cache.objects.put(object));
      const nowMs = this.#config.clock.now();
      for (const { event, revision } of missed) this.#applyOne(event, revision, nowMs);
    } catch (error) {
      keyspace.remove(storagePath);
      throw error;
    } finally {
      this.#opening.delete(storagePath);
    }
  }

  /** Forgets a kind and ends its watches. */
  close(storagePath: string): void {
    const open = this.#byPath.get(storagePath);
    if (!open) return;
    this.#byPath.delete(storagePath);
    this.#config.keyspace.remove(storagePath);
    open.cache.closeWatchers();
  }

  /** Resolves when every write acknowledged before the call has been seen. */
  fresh(): Promise<void> {
    return this.#gate.fresh();
  }

  /** Resolves when a revision has been seen; false when it has not come within the time. */
  waitFor(revision: number, timeoutMs: number): Promise<boolean> {
    return this.#gate.waitFor(revision, timeoutMs);
  }

  /** An entry of the store as an object of this cache's form: for what a transaction found or a list of the past gave. */
  decodeEntry(entry: KeyValue): CachedObject | undefined {
    const place = this.#config.keyspace.parse(entry.key);
    return place && this.#cached(place, entry);
  }

  /** Objects stored, by storage path. */
  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#byPath].map(([path, { cache }]) => [path, cache.objects.size]));
  }

  /** Changes that the store has told of, by storage path. */
  eventCounts(): ReadonlyMap<string, number> {
    return new Map([...this.#byPath].map(([path, { cache }]) => [path, cache.eventCount]));
  }

  async #load(): Promise<void> {
    const { store, keyspace, kinds } = this.#config;
    const list = await store.list(keyspace.root);
    if (this.#stopped) return;
    this.#loads++;
    for (const missed of this.#opening.values()) missed.length = 0;
    const first = this.#byPath.size === 0;
    if (first)
      for (const kind of kinds)
        if (kind.storage === 'stored' && !this.#byPath.has(kind.storagePath))
          this.#byPath.set(kind.storagePath, openKind(kind, list.revision));
    if (first) for (const entry of list.entries) this.#place(entry, (cache, object) => cache.objects.put(object));
    else this.#replace(list.entries, list.revision);
    this.#gate.advance(list.revision);
    // The whole store, not only the root: a revision that touched other keys must be seen to pass.
    this.#watch = store.watch('', list.revision + 1, {
      withoutPrevious: true,
      events: (events, revision) => this.#apply(events, revision),
      closed: (error) => this.#lost(error),
    });
  }

  #place(entry: KeyValue, put: (cache: KindCache, object: CachedObject) => void): void {
    const place = this.#config.keyspace.parse(entry.key);
    const open = place && this.#byPath.get(place.storagePath);
    if (open) put(open.cache, this.#cached(place, entry));
  }

  #cached(place: ObjectKey, entry: KeyValue): CachedObject {
    const open = this.#byPath.get(place.storagePath)!;
    const version = open.versions && storedVersion(entry.value);
    const form = version ? formOfVersion(open, version.apiVersion, version.kind) : open.form;
    const { namespace, name } = place;
    try {
      return new CachedObject({ key: entry.key, namespace, name }, form, entry.value, entry.modRevision, entry.createRevision);
    } catch (error) {
      throw new CodedError(`the store holds no readable object under ${entry.key}`, { code: 'CORRUPT_OBJECT', cause: error });
    }
  }

  #apply(events: readonly StoreEvent[], revision: number): void {
    const nowMs = this.#config.clock.now();
    for (const event of events) this.#applyOne(event, revision, nowMs);
    this.#gate.advance(revision);
    this.#forgetOldLater();
  }

  #applyOne(event: StoreEvent, revision: number, nowMs: number): void {
    const key = event.type === 'put' ? event.entry.key : event.key;
    const place = this.#config.keyspace.parse(key);
    if (!place) return;
    const open = this.#byPath.get(place.storagePath);
    if (!open) {
      this.#opening.get(place.storagePath)?.push({ event, revision });
      return;
    }
    // The list that the kind was opened with shows it already.
    if (revision <= open.from) return;
    const { cache } = open;
    const previous = cache.objects.get(key);
    if (event.type === 'put') cache.apply(new CachedEvent(revision, nowMs, this.#cached(place, event.entry), previous));
    else if (previous) cache.apply(new CachedEvent(revision, nowMs, undefined, previous));
  }

  /** A burst of changes is not to be kept until the next one. */
  #forgetOldLater(): void {
    const { clock } = this.#config;
    this.#forgetting ??= clock.setTimer(FORGET_EVERY_MS, () => {
      this.#forgetting = undefined;
      let more = false;
      for (const { cache } of this.#byPath.values()) more = cache.forgetOld(clock.now()) || more;
      if (more) this.#forgetOldLater();
    });
  }

  /** After a gap: tells what differs as changes, and makes watchers begin again. */
  #replace(entries: readonly KeyValue[], revision: number): void {
    const nowMs = this.#config.clock.now();
    const present = new Set(entries.map((entry) => entry.key));
    for (const { cache } of this.#byPath.values()) {
      cache.closeWatchers();
      for (const object of cache.objects.all())
        if (!present.has(object.key)) cache.apply(new CachedEvent(revision, nowMs, undefined, object));
    }
    for (const entry of entries)
      this.#place(entry, (cache, object) => {
        const previous = cache.objects.get(object.key);
        if (previous?.revision !== object.revision) cache.apply(new CachedEvent(object.revision, nowMs, object, previous));
      });
    for (const { cache } of this.#byPath.values()) cache.restart(revision);
  }

  #lost(error: StoreError | undefined): void {
    if (this.#stopped || !error || error.code === 'closed') return;
    this.#config.logger.warn('watch of the store ended; listing it again', { code: error.code, error });
    void this.#reload();
  }

  async #reload(): Promise<void> {
    const { clock, logger, random } = this.#config;
    const backoff = new Backoff({ initialMs: 50, maxMs: 5_000, random });
    while (!this.#stopped) {
      try {
        await this.#load();
        return;
      } catch (error) {
        logger.error('cannot list the store', { error });
        await clock.sleep(backoff.next());
      }
    }
  }
}
