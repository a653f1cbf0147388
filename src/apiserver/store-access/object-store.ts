import type { KindDefinition } from '../../api/machinery/kind.ts';
import { apiVersionOf } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { conflict, MODIFIED, notFound } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { Pauses } from '../../std/pauses.ts';
import type { Compare, KeyValue, Store, Write } from '../../store/store.ts';
import { CachedObject } from '../watch-cache/cached-object.ts';
import { showObject } from '../watch-cache/show-objects.ts';
import type { WatchCache } from '../watch-cache/watch-cache.ts';
import { type ChangeTurn, ChangeTurns } from './change-turns.ts';
import { type ClaimsOf, ClaimsTaken, compareClaims } from './claims.ts';
import { encodeInSteps, encodeStored } from './encoding.ts';
import type { Keyspace } from './keyspace.ts';
import { LeasePool } from './lease-pool.ts';

export interface ObjectStoreConfig {
  readonly store: Store;
  readonly keyspace: Keyspace;
  readonly cache: WatchCache;
  readonly clock: Clock;
  /** `--event-ttl`, for the kinds that end by themselves. */
  readonly eventTtlSeconds?: number;
  /** What objects hold alone in the cluster, by their kind's storage path. */
  readonly claims?: ReadonlyMap<string, ClaimsOf>;
  /** Whether the value under a key is to be written anew although its object did not change. */
  readonly isStale?: (key: string) => boolean;
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

type ClaimChange = ReturnType<typeof compareClaims>;
const NOTHING = Buffer.alloc(0);
const NO_CLAIMS: ClaimChange = { added: [], removed: [] };

/** A change that loses this often to other writers is given up. */
const MOST_ATTEMPTS = 100;

/** Reads and writes single objects. Reads come from the watch cache; every write is a compare-and-set. */
export class ObjectStore {
  readonly #store: Store;
  readonly #keyspace: Keyspace;
  readonly #cache: WatchCache;
  readonly #leases: LeasePool;
  readonly #eventTtlSeconds: number | undefined;
  readonly #claims: ReadonlyMap<string, ClaimsOf>;
  readonly #turns = new ChangeTurns();
  readonly isStale: (key: string) => boolean;

  constructor({ store, keyspace, cache, clock, eventTtlSeconds, claims, isStale }: ObjectStoreConfig) {
    this.#store = store;
    this.#keyspace = keyspace;
    this.#cache = cache;
    this.#leases = new LeasePool(store, clock);
    this.#eventTtlSeconds = eventTtlSeconds;
    this.#claims = claims ?? new Map();
    this.isStale = isStale ?? (() => false);
  }

  /** What the cache holds now, in the form in which it is stored. */
  peek({ kind, namespace, name }: Place): CachedObject | undefined {
    return this.#cache.kind(kind).objects.get(this.#keyspace.objectKey(kind, namespace, name));
  }

  /** The object behind every write acknowledged before the call. Throws 404. */
  async read(place: Place): Promise<CachedObject> {
    await this.#cache.fresh();
    const found = this.peek(place);
    if (found) return showObject(place.kind, found);
    throw notFound(place.kind, place.name);
  }

  /** Stores a new object; undefined when its name is taken. A large one takes `pauses`. Throws ClaimsTaken. */
  async insert(place: Place, object: DynamicObject, pauses?: Pauses): Promise<CachedObject | undefined> {
    const key = this.#keyspace.objectKey(place.kind, place.namespace, place.name);
    const { kind } = place;
    const value = await this.#encode(kind, object, pauses);
    const result = await this.#transact({ key, modRevision: 0 }, await this.#put(kind, key, value), this.#claimsOf(kind, object));
    return result.succeeded ? this.#cachedAs(place, key, value, result.revision, result.revision) : undefined;
  }

  /**
   * Changes an object: `decide` is given what is there and says what becomes of it; again with the newer object after losing to
   * another writer. Throws 404 when it is not (or no longer) there, ClaimsTaken, and whatever `decide` throws.
   */
  async change(
    place: Place,
    decide: (existing: CachedObject) => Promise<Change> | Change,
    pauses?: Pauses,
  ): Promise<ChangeResult> {
    const key = this.#keyspace.objectKey(place.kind, place.namespace, place.name);
    const turn = await this.#turns.take(key);
    try {
      return await this.#change(place, key, decide, turn, pauses);
    } finally {
      turn.ends();
    }
  }

  async #change(
    place: Place,
    key: string,
    decide: (existing: CachedObject) => Promise<Change> | Change,
    turn: ChangeTurn,
    pauses: Pauses | undefined,
  ): Promise<ChangeResult> {
    const { kind, name } = place;
    let existing: CachedObject = await this.read(place);
    turn.decides();
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const change = await decide(existing);
      if (change.type === 'none') return { object: existing, removed: false };
      const remove = change.type === 'delete';
      // What goes as it was need not be encoded again.
      const asItWas = remove && change.object === existing.object && !kind.storedAs;
      const value = asItWas ? NOTHING : await this.#encode(kind, change.object, pauses);
      const write: Write = remove ? { type: 'delete', key } : await this.#put(kind, key, value);
      const claims = this.#claimsOf(kind, remove ? undefined : change.object, existing);
      const result = await turn.writes(this.#transact({ key, modRevision: existing.revision }, write, claims));
      if (result.succeeded && asItWas) return { object: existing.at(result.revision, change.object), removed: true };
      if (result.succeeded)
        return { object: await this.#cachedAs(place, key, value, result.revision, existing.createRevision), removed: remove };
      const newer = result.current && this.#cache.decodeEntry(result.current);
      if (!newer) throw notFound(kind, name);
      existing = await showObject(kind, newer);
    }
    throw conflict(kind, name, MODIFIED);
  }

  /** Writes an object with its claims, or nothing. Throws ClaimsTaken when only the claims stand in the way. */
  async #transact(
    compare: Compare,
    write: Write,
    { added, removed }: ClaimChange,
  ): Promise<{ readonly succeeded: boolean; readonly revision: number; readonly current: KeyValue | undefined }> {
    const result = await this.#store.transact(
      [compare, ...added.map(({ key }) => ({ key, modRevision: 0 }))],
      [
        write,
        ...added.map(({ key, value }): Write => ({ type: 'put', key, value: value() })),
        ...removed.map(({ key }): Write => ({ type: 'delete', key })),
      ],
    );
    const [current, ...claimed] = result.current;
    if (!result.succeeded && (current?.modRevision ?? 0) === compare.modRevision)
      throw new ClaimsTaken(new Set(claimed.flatMap((entry) => entry?.key ?? [])));
    return { succeeded: result.succeeded, revision: result.revision, current };
  }

  /** What a write changes in what its object holds; for nearly all kinds nothing. */
  #claimsOf(kind: KindDefinition, after: DynamicObject | undefined, before?: CachedObject): ClaimChange {
    const of = this.#claims.get(kind.storagePath);
    return of ? compareClaims(before ? of(before.object) : [], after ? of(after) : []) : NO_CLAIMS;
  }

  async #encode(kind: KindDefinition, object: DynamicObject, pauses: Pauses | undefined): Promise<Buffer> {
    const { storedAs } = kind;
    const form = this.#cache.form(kind);
    const encode = (whole: DynamicObject) => (pauses?.large ? pauses.run(encodeInSteps(form, whole)) : encodeStored(form, whole));
    if (!storedAs) return encode(object);
    const stored = storedAs.toStored(object);
    const elsewhere = storedAs.remote && kind.version !== storedAs.version;
    const [converted] = elsewhere ? await storedAs.remote.convert([stored], apiVersionOf(storedAs)) : [stored];
    return encode(converted!);
  }

  async #put(kind: KindDefinition, key: string, value: Uint8Array): Promise<Write> {
    if (kind.ttlSeconds === undefined) return { type: 'put', key, value };
    const leaseId = await this.#leases.leaseFor(this.#eventTtlSeconds ?? kind.ttlSeconds);
    return { type: 'put', key, value, leaseId };
  }

  async #cachedAs(
    { kind, namespace, name }: Place,
    key: string,
    value: Uint8Array,
    revision: number,
    createRevision: number,
  ): Promise<CachedObject> {
    // Most often the cache has seen the write by now, and has encoded it for watchers.
    const seen = this.#cache.kind(kind).objects.get(key);
    const object =
      seen?.revision === revision
        ? seen
        : new CachedObject({ key, namespace, name }, this.#cache.form(kind), value, revision, createRevision);
    return showObject(kind, object);
  }
}

/** Names an object in its kind's own version, in place. */
export function stampKind(kind: KindDefinition, object: DynamicObject): DynamicObject {
  object.apiVersion = apiVersionOf(kind);
  object.kind = kind.kind;
  return object;
}
