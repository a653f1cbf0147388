import type { KindDefinition } from '../../api/machinery/kind.ts';
import { apiVersionOf } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { conflict, MODIFIED, notFound } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Store, Write } from '../../store/store.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { encodeStored } from './encoding.ts';
import type { Keyspace } from './keyspace.ts';
import { LeasePool } from './lease-pool.ts';

export interface ObjectStoreConfig {
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly cache: WatchCache;
  readonly clock: Clock;
  /** `--event-ttl`, for the kinds that end by themselves. */
  readonly eventTtlSeconds?: number;
}

/** What a change makes of the object that is there. */
export type Change =
  | { readonly type: 'put'; readonly object: DynamicObject }
  | { readonly type: 'delete'; readonly object: DynamicObject }
  | { readonly type: 'none' };

export interface ChangeResult {
  /** The object as it is now or, when it was removed, as it was last. */
  readonly object: CachedObject;
  readonly removed: boolean;
}

export interface Place {
  readonly kind: KindDefinition;
  readonly namespace: string;
  readonly name: string;
}

/** A change that loses this often to other writers is given up. */
const MOST_ATTEMPTS = 100;

/** Reads and writes single objects. Reads come from the watch cache; every write is a compare-and-set. */
export class ObjectStore {
  readonly #store: Store;
  readonly #keyspace: Keyspace;
  readonly #cache: WatchCache;
  readonly #leases: LeasePool;
  readonly #eventTtlSeconds: number | undefined;

  constructor({ store, keyspace, cache, clock, eventTtlSeconds }: ObjectStoreConfig) {
    this.#store = store;
    this.#keyspace = keyspace;
    this.#cache = cache;
    this.#leases = new LeasePool(store, clock);
    this.#eventTtlSeconds = eventTtlSeconds;
  }

  /** What the cache holds now, in the kind's own form. */
  peek({ kind, namespace, name }: Place): CachedObject | undefined {
    return this.#cache
      .kind(kind)
      .objects.get(this.#keyspace.objectKey(kind, namespace, name))
      ?.as(kind);
  }

  /** The object behind every write acknowledged before the call. Throws 404. */
  async read(place: Place): Promise<CachedObject> {
    await this.#cache.fresh();
    const found = this.peek(place);
    if (found) return found;
    throw notFound(place.kind, place.name);
  }

  /** Stores a new object; undefined when its name is taken. */
  async insert(place: Place, object: DynamicObject): Promise<CachedObject | undefined> {
    const key = this.#keyspace.objectKey(place.kind, place.namespace, place.name);
    const value = this.#encode(place.kind, object);
    const result = await this.#store.transact([{ key, modRevision: 0 }], [await this.#put(place.kind, key, value)]);
    return result.succeeded ? this.#cachedAs(place, key, value, result.revision, result.revision) : undefined;
  }

  /**
   * Changes an object: `decide` is given what is there and says what becomes of it; again with the newer object after losing to
   * another writer. Throws 404 when it is not (or no longer) there, and whatever `decide` throws.
   */
  async change(place: Place, decide: (existing: CachedObject) => Promise<Change> | Change): Promise<ChangeResult> {
    const { kind, name } = place;
    const key = this.#keyspace.objectKey(kind, place.namespace, name);
    let existing: CachedObject = await this.read(place);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const change = await decide(existing);
      if (change.type === 'none') return { object: existing, removed: false };
      const remove = change.type === 'delete';
      const value = this.#encode(kind, change.object);
      const write: Write = remove ? { type: 'delete', key } : await this.#put(kind, key, value);
      const result = await this.#store.transact([{ key, modRevision: existing.revision }], [write]);
      if (result.succeeded)
        return { object: this.#cachedAs(place, key, value, result.revision, existing.createRevision), removed: remove };
      const current = result.current[0];
      const newer = current && this.#cache.decodeEntry(current);
      if (!newer) throw notFound(kind, name);
      existing = newer.as(kind);
    }
    throw conflict(kind, name, MODIFIED);
  }

  #encode(kind: KindDefinition, object: DynamicObject): Buffer {
    return encodeStored(this.#cache.form(kind), kind.storedAs ? kind.storedAs.toStored(object) : object);
  }

  async #put(kind: KindDefinition, key: string, value: Uint8Array): Promise<Write> {
    if (kind.ttlSeconds === undefined) return { type: 'put', key, value };
    const leaseId = await this.#leases.leaseFor(this.#eventTtlSeconds ?? kind.ttlSeconds);
    return { type: 'put', key, value, leaseId };
  }

  #cachedAs(
    { kind, namespace, name }: Place,
    key: string,
    value: Uint8Array,
    revision: number,
    createRevision: number,
  ): CachedObject {
    // Most often the cache has seen the write by now, and has encoded it for watchers.
    const seen = this.#cache.kind(kind).objects.get(key);
    if (seen?.revision === revision) return seen.as(kind);
    return new CachedObject({ key, namespace, name }, this.#cache.form(kind), value, revision, createRevision).as(kind);
  }
}

/** Names an object in its kind's own version, in place. */
export function stampKind(kind: KindDefinition, object: DynamicObject): DynamicObject {
  object.apiVersion = apiVersionOf(kind);
  object.kind = kind.kind;
  return object;
}
