import type { ResourceKind } from '../api/machinery/kind.ts';
import type { DynamicObject, KubeObject } from '../api/machinery/object.ts';
import { formatGroupResource, type Status, StatusError } from '../api/machinery/status-error.ts';
import { Backoff } from '../std/backoff.ts';
import type { Clock } from '../std/clock.ts';
import { deepFreeze } from '../std/deep-freeze.ts';
import { type Component, deferred, isAbort } from '../std/lifecycle.ts';
import type { Logger } from '../std/logger.ts';
import { nextTurn } from '../std/next-turn.ts';
import { Pace } from '../std/pauses.ts';
import type { Client, ResourceClient, WatchEvent } from './client.ts';
import { ObjectStore } from './object-store.ts';

export interface InformerOptions {
  client: Client;
  kind: ResourceKind;
  /** All namespaces when not given. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  clock: Clock;
  logger: Logger;
  /** Numbers in [0, 1). */
  random?: () => number;
  /** Freezes every object deeply, so that a listener that changes one fails at once. For tests. Default false. */
  freeze?: boolean;
}

export interface Change<T> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** For `deleted`, its last known state. */
  readonly object: T;
  readonly previous?: T;
}

/** A local copy of all objects of a kind, kept up by a watch. Its objects are shared: nobody may change them. */
export interface Informer<T extends KubeObject> extends Component {
  get(name: string, namespace?: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Finds objects by more than their name. `keysOf` must be pure. */
  addIndex(name: string, keysOf: (object: T) => string[]): void;
  byIndex(name: string, key: string): readonly T[];
  /**
   * Tells every change, in order, after the copy has it; objects that are there already are told as `added` at once. A listener
   * must be quick; what it throws is logged. Returns the way to end it.
   */
  onChange(listener: (change: Change<T>) => void): () => void;
  readonly hasSynced: boolean;
  /** Of the newest list, event or bookmark seen; empty before the first. */
  readonly resourceVersion: string;
}

/** client-go's reflector ends its watches after 5 to 10 minutes, so that servers share them evenly. */
const MIN_WATCH_SECONDS = 300;
/** client-go's delays start with 800 ms; a server that is just starting is found sooner with this. */
const BACKOFF = { initialMs: 200, maxMs: 30_000, jitter: 1 };
/** A watch that lasted so long was a good one: the next may begin at once. */
const GOOD_WATCH_MS = 1000;
/** Of a list, so many objects are told of between two turns for others. */
const TOLD_AT_ONCE = 200;

/**
 * An informer: lists, then watches from there; after an interruption it goes on from the newest version seen, and lists again
 * when that is too old. It never gives up: `start` resolves when the first list is in, however long the server is away.
 */
export function createInformer<T extends KubeObject = DynamicObject>(options: InformerOptions): Informer<T> {
  return new ListWatchInformer<T>(options);
}

class ListWatchInformer<T extends KubeObject> implements Informer<T> {
  readonly name: string;
  #options: InformerOptions;
  #resource: ResourceClient<T>;
  #store = new ObjectStore<T>();
  #listeners = new Set<(change: Change<T>) => void>();
  #resourceVersion = '';
  #synced = deferred();
  #done = deferred();
  #backoff: Backoff;
  hasSynced = false;

  constructor(options: InformerOptions) {
    this.#options = options;
    this.name = `informer of ${formatGroupResource(options.kind)}`;
    this.#resource = options.client.resource<T>(options.kind, options.namespace);
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random ?? Math.random });
    // Who only waits for `start` must not be told of the end a second time.
    this.#done.promise.catch(() => undefined);
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#store.get(namespace || (this.#options.kind.namespaced ? (this.#options.namespace ?? '') : ''), name);
  }

  list(namespace?: string): readonly T[] {
    return this.#store.list(namespace);
  }

  addIndex(name: string, keysOf: (object: T) => string[]): void {
    this.#store.addIndex(name, keysOf);
  }

  byIndex(name: string, key: string): readonly T[] {
    return this.#store.byIndex(name, key);
  }

  onChange(listener: (change: Change<T>) => void): () => void {
    this.#listeners.add(listener);
    for (const object of this.#store.list()) this.#call(listener, { type: 'added', object });
    return () => this.#listeners.delete(listener);
  }

  start(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.#synced.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#run(signal)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .then(
        () => {
          // For who waits for what will not come: nobody is told of an abort that was before the start.
          this.#synced.reject(signal.reason);
          this.#done.resolve();
        },
        (error) => {
          this.#synced.reject(error);
          this.#done.reject(error);
        },
      );
    return this.#synced.promise;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let mustList = true;
    while (!signal.aborted) {
      try {
        if (mustList) await this.#relist(signal);
        mustList = false;
        await this.#watch(signal);
      } catch (error) {
        if (isAbort(error, signal) || signal.aborted) return;
        if (isExpired(error)) {
          this.#options.logger.debug(2, 'The version to watch from is too old; listing again', { informer: this.name });
          mustList = true;
          this.#resourceVersion = '';
          if (!(await this.#pause(signal))) return;
          continue;
        }
        this.#options.logger.warn(`Failed to ${mustList ? 'list' : 'watch'} ${formatGroupResource(this.#options.kind)}`, {
          error,
        });
        if (!(await this.#pause(signal))) return;
      }
    }
  }

  /** False when aborted meanwhile. */
  async #pause(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#options.clock.sleep(this.#backoff.next(), signal);
      return true;
    } catch (error) {
      if (isAbort(error, signal)) return false;
      throw error;
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { labelSelector, fieldSelector, kind } = this.#options;
    const list = await this.#resource.list({ labelSelector, fieldSelector, signal });
    const kept = new Set<string>();
    const apiVersion = list.apiVersion;
    // Everybody hears of each of them: thousands are told of in turns.
    const pace = new Pace(TOLD_AT_ONCE);
    const others = async () => {
      await nextTurn();
      signal.throwIfAborted();
    };
    for (const item of list.items) {
      // Items of a list do not say what they are; events do.
      item.apiVersion ??= apiVersion;
      item.kind ??= kind.kind;
      kept.add(`${item.metadata?.namespace ?? ''}/${item.metadata?.name}`);
    }
    for (const object of this.#store.list()) {
      if (kept.has(`${object.metadata?.namespace ?? ''}/${object.metadata?.name}`)) continue;
      this.#remove(object);
      if (pace.due(1)) await others();
    }
    for (const item of list.items) {
      this.#put(item);
      if (pace.due(1)) await others();
    }
    this.#resourceVersion = list.metadata.resourceVersion ?? '';
    this.hasSynced = true;
    this.#synced.resolve();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { labelSelector, fieldSelector, clock, random = Math.random } = this.#options;
    const startedMs = clock.now();
    let count = 0;
    const events = this.#resource.watch({
      labelSelector,
      fieldSelector,
      resourceVersion: this.#resourceVersion,
      allowWatchBookmarks: true,
      timeoutSeconds: Math.round(MIN_WATCH_SECONDS * (1 + random())),
      signal,
    });
    for await (const event of events) {
      this.#apply(event);
      if (count++ === 0) this.#backoff.reset();
    }
    if (signal.aborted) return;
    // A server that ends watches as soon as they begin must not be asked in a tight loop.
    if (clock.now() - startedMs >= GOOD_WATCH_MS) this.#backoff.reset();
    else if (count === 0) await this.#pause(signal);
  }

  #apply(event: WatchEvent<T>): void {
    if (event.type === 'ERROR') throw new StatusError(event.object as unknown as Status);
    const { object } = event;
    if (event.type === 'DELETED') this.#remove(object);
    else if (event.type !== 'BOOKMARK') this.#put(object);
    this.#resourceVersion = object.metadata?.resourceVersion ?? this.#resourceVersion;
  }

  #put(object: T): void {
    const known = this.#store.get(object.metadata?.namespace ?? '', object.metadata?.name ?? '');
    // A list after an interruption repeats what has not changed.
    if (known && known.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    // Deleted and made again while we did not look: another object that bears the same name.
    if (known && known.metadata?.uid !== object.metadata?.uid) this.#remove(known);
    if (this.#options.freeze) deepFreeze(object);
    const previous = this.#store.set(object);
    this.#tell(previous ? { type: 'updated', object, previous } : { type: 'added', object });
  }

  #remove(object: T): void {
    const previous = this.#store.delete(object);
    if (!previous) return;
    if (this.#options.freeze) deepFreeze(object);
    this.#tell({ type: 'deleted', object, previous });
  }

  #tell(change: Change<T>): void {
    for (const listener of this.#listeners) this.#call(listener, change);
  }

  #call(listener: (change: Change<T>) => void, change: Change<T>): void {
    try {
      listener(change);
    } catch (error) {
      this.#options.logger.error(`A listener of the ${this.name} failed`, { error, name: change.object.metadata?.name });
    }
  }
}

function isExpired(error: unknown): boolean {
  return error instanceof StatusError && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}
