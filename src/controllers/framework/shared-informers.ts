import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { Clock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';

/** Which objects of a kind an informer holds; all of them by default. */
export interface InformerScope {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** The informers of one client: each kind and scope is listed, watched and held once, whoever asks. */
export interface SharedInformers {
  /** The informer, made (but not started) when nobody asked for it before. */
  of<T extends KubeObject>(kind: ResourceKind, scope?: InformerScope): Informer<T>;
  /** The unscoped informer of a kind when somebody asked for it already. */
  existing(kind: ResourceKind): Informer<KubeObject> | undefined;
  /** Starts those that nobody started and resolves when all hold what the server has. */
  sync(...informers: readonly Informer<KubeObject>[]): Promise<void>;
  /** Adds an index to an informer, once, however many controllers want the same. To be called before it is started. */
  index<T extends KubeObject>(informer: Informer<T>, name: string, keysOf: (object: T) => string[]): void;
  /** Ends one for good, for a kind that is no longer served. */
  drop(kind: ResourceKind, scope?: InformerScope): Promise<void>;
  /** Rejects when an informer fails by itself; resolves when all have ended after the signal. */
  readonly done: Promise<void>;
}

export interface SharedInformersOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** Ends all informers. */
  signal: AbortSignal;
  /** Freezes all objects, so that a controller that changes one fails. For tests. */
  freeze?: boolean;
}

interface Entry {
  informer: Informer<KubeObject>;
  readonly indexes: Set<string>;
  controller: AbortController;
  synced?: Promise<void>;
}

/** Informers over one client that end with the given signal. */
export function createSharedInformers(options: SharedInformersOptions): SharedInformers {
  const { client, clock, logger, signal, freeze } = options;
  const entries = new Map<string, Entry>();
  const done = deferred();
  // Whoever owns the manager waits for `done`; until then a failure must not count as unhandled.
  done.promise.catch(() => undefined);

  const start = (entry: Entry): Promise<void> => {
    entry.informer.done.catch((error: unknown) => done.reject(error));
    return entry.informer.start(AbortSignal.any([signal, entry.controller.signal]));
  };
  const end = async () => {
    const started = [...entries.values()].filter((entry) => entry.synced !== undefined);
    await Promise.allSettled(started.map((entry) => entry.informer.done));
    done.resolve();
  };
  if (signal.aborted) done.resolve();
  else signal.addEventListener('abort', () => void end(), { once: true });

  return {
    of<T extends KubeObject>(kind: ResourceKind, scope: InformerScope = {}): Informer<T> {
      const key = keyOf(kind, scope);
      let entry = entries.get(key);
      if (!entry) {
        const informer = createInformer<T>({
          client,
          kind,
          ...scope,
          clock,
          logger: logger.child({ resource: kind.resource }),
          freeze,
        });
        entry = { informer: informer as unknown as Informer<KubeObject>, indexes: new Set(), controller: new AbortController() };
        entries.set(key, entry);
      }
      return entry.informer as unknown as Informer<T>;
    },
    existing: (kind) => entries.get(keyOf(kind, {}))?.informer,
    async sync(...informers) {
      const wanted = [...entries.values()].filter((entry) => informers.includes(entry.informer));
      for (const entry of wanted) entry.synced ??= start(entry);
      await Promise.all(wanted.map((entry) => entry.synced));
    },
    index<T extends KubeObject>(informer: Informer<T>, name: string, keysOf: (object: T) => string[]): void {
      const entry = [...entries.values()].find((e) => e.informer === (informer as unknown as Informer<KubeObject>));
      if (!entry || entry.indexes.has(name)) return;
      entry.indexes.add(name);
      informer.addIndex(name, keysOf);
    },
    async drop(kind, scope = {}) {
      const entry = entries.get(keyOf(kind, scope));
      if (!entry) return;
      entries.delete(keyOf(kind, scope));
      entry.controller.abort(new DOMException('informer dropped', 'AbortError'));
      if (entry.synced !== undefined) await entry.informer.done;
    },
    done: done.promise,
  };
}

function keyOf(kind: ResourceKind, scope: InformerScope): string {
  const { group, version, resource } = kind;
  return [group, version, resource, scope.namespace, scope.labelSelector, scope.fieldSelector].join('|');
}
