/** An API server as small as controllers' tests need it: objects in memory behind the `Client` contract. For tests only. */
import { isDeepStrictEqual } from 'node:util';
import { cloneJson } from '../../api/machinery/clone.ts';
import { parseFieldSelector } from '../../api/machinery/field-selector.ts';
import { apiVersionOf, type ResourceKind } from '../../api/machinery/kind.ts';
import type { JsonValue } from '../../api/machinery/object.ts';
import { type DynamicObject, formatTime, type KubeObject } from '../../api/machinery/object.ts';
import { alreadyExists, conflict, MODIFIED, notFound, StatusError } from '../../api/machinery/status-error.ts';
import { applyJsonPatch } from '../../api/patch/json-patch.ts';
import { applyMergePatch } from '../../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import type { Client, DeleteOptions, ListOptions, ResourceClient, WatchEvent } from '../../client/client.ts';
import type { EventRecorder } from '../../client/events.ts';
import { LoopMetrics } from '../../client/loop-metrics.ts';
import { VirtualClock } from '../../std/clock.ts';
import type { Component } from '../../std/lifecycle.ts';
import { silentLogger } from '../../std/logger.ts';
import type { ControllerContext } from './controller.ts';
import { createSharedInformers } from './shared-informers.ts';

export interface RecordedRequest {
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly body?: unknown;
}

type Answer = (object: DynamicObject) => object;
interface Watcher {
  resource: string;
  matches: (object: DynamicObject) => boolean;
  push: (event: WatchEvent<DynamicObject>) => void;
}

interface ToldEvent {
  readonly resource: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: DynamicObject;
}

export class TestingCluster {
  readonly clock = new VirtualClock(Date.parse('2026-01-01T00:00:00Z'));
  /** Writes, in order. */
  readonly requests: RecordedRequest[] = [];
  /** Reviews by resource; other creates are stored. */
  readonly answers = new Map<string, Answer>();
  /** What discovery shows. */
  kinds: readonly ResourceKind[] = [];
  /** Called before each write; may throw what the server would answer. */
  beforeWrite: (request: RecordedRequest) => void = () => undefined;
  /** Called with what an update stores; may take away what a server of another release does not know. */
  prune: (object: DynamicObject) => void = () => undefined;
  readonly #objects = new Map<string, DynamicObject>();
  readonly #watchers = new Set<Watcher>();
  /** All that was told, for those who watch from an older version on. */
  readonly #told: ToldEvent[] = [];
  #version = 1;

  /** Stores an object as the server would, or replaces it; anything goes. */
  put<T extends KubeObject>(kind: ResourceKind, object: T): DynamicObject {
    const key = keyFor(kind, object.metadata?.namespace, object.metadata?.name);
    const existing = this.#objects.get(key);
    const stored = cloneJson({ apiVersion: apiVersionOf(kind), kind: kind.kind, ...object }) as unknown as DynamicObject;
    stored.metadata.uid ??= existing?.metadata.uid ?? `uid-${object.metadata?.name}-${this.#version}`;
    stored.metadata.creationTimestamp ??= existing?.metadata.creationTimestamp ?? formatTime(this.clock.now());
    this.#write(kind, key, stored, existing ? 'MODIFIED' : 'ADDED');
    return cloneJson(stored);
  }

  get<T>(kind: ResourceKind, name: string, namespace?: string): T | undefined {
    const found = this.#objects.get(keyFor(kind, namespace, name));
    return found && (cloneJson(found) as T);
  }

  list<T>(kind: ResourceKind): T[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${resourceOf(kind)}|`)).map(([, o]) => cloneJson(o) as T);
  }

  remove(kind: ResourceKind, name: string, namespace?: string): void {
    const key = keyFor(kind, namespace, name);
    const object = this.#objects.get(key);
    if (!object) return;
    this.#objects.delete(key);
    this.#tell(kind, { type: 'DELETED', object: this.#stamp(object) });
  }

  /** Requests of one verb on one resource (with subresource: `nodes/status`). */
  sent(verb: string, resource: string): RecordedRequest[] {
    return this.requests.filter(
      (r) => r.verb === verb && (r.subresource ? `${r.resource}/${r.subresource}` : r.resource) === resource,
    );
  }

  get client(): Client {
    return {
      resource: (kind: ResourceKind, namespace?: string) => this.#resource(kind, namespace) as unknown as ResourceClient<never>,
      raw: ({ path }: { path: string }) => Promise.resolve({ status: 200, text: JSON.stringify(this.#discovery(path)) }),
      transport: { request: () => Promise.reject(new Error('no transport')), close: () => Promise.resolve() },
      withUserAgent: () => this.client,
    } as unknown as Client;
  }

  #resource(kind: ResourceKind, namespace?: string) {
    const gr = { group: kind.group, resource: kind.resource };
    const find = (name: string) => {
      const found = this.#objects.get(keyFor(kind, namespace, name));
      if (!found) throw notFound(gr, name);
      return found;
    };
    const record = (request: Omit<RecordedRequest, 'resource'>) => {
      this.requests.push({ resource: kind.resource, ...request });
      this.beforeWrite({ resource: kind.resource, ...request });
    };
    const store = (object: DynamicObject, existing: DynamicObject): DynamicObject => {
      const { resourceVersion, uid } = object.metadata;
      if ((resourceVersion && resourceVersion !== existing.metadata.resourceVersion) || (uid && uid !== existing.metadata.uid))
        throw conflict(gr, object.metadata.name ?? '', MODIFIED);
      if (existing.metadata.deletionTimestamp && !object.metadata.finalizers?.length && !hasSpecFinalizers(object)) {
        this.remove(kind, object.metadata.name ?? '', namespace);
        return object;
      }
      return this.put(kind, object);
    };
    return {
      get: async (name: string) => cloneJson(find(name)),
      list: async (options: ListOptions = {}) => ({
        apiVersion: apiVersionOf(kind),
        kind: `${kind.kind}List`,
        metadata: { resourceVersion: String(this.#version) },
        items: this.list<DynamicObject>(kind).filter(this.#matcher(namespace, options)),
      }),
      watch: (options: ListOptions & { signal?: AbortSignal } = {}) =>
        this.#watch(kind, this.#matcher(namespace, options), options),
      create: async (object: DynamicObject, options: { subresource?: string; name?: string } = {}) => {
        const { subresource } = options;
        record({ verb: 'create', subresource, name: options.name ?? object.metadata?.name, body: cloneJson(object) });
        const answer = this.answers.get(subresource ? `${kind.resource}/${subresource}` : kind.resource);
        if (answer) return answer(object);
        const { name = `${object.metadata.generateName}${this.#version}` } = object.metadata;
        if (this.#objects.has(keyFor(kind, namespace ?? object.metadata.namespace, name))) throw alreadyExists(gr, name);
        return this.put(kind, { ...object, metadata: { ...object.metadata, name } });
      },
      update: async (object: DynamicObject, options: { subresource?: string } = {}) => {
        const { name = '' } = object.metadata;
        record({ verb: 'update', subresource: options.subresource, name, body: cloneJson(object) });
        const stored = cloneJson(object);
        this.prune(stored);
        const existing = this.#objects.get(keyFor(kind, namespace ?? object.metadata.namespace, name)) ?? find(name);
        // As a server: what changes nothing is told to nobody.
        return isDeepStrictEqual(stored, existing) ? stored : store(stored, existing);
      },
      patch: async (name: string, patch: JsonValue, options: { subresource?: string; type: string }) => {
        record({ verb: 'patch', subresource: options.subresource, name, body: cloneJson(patch) });
        const existing = find(name);
        if (options.type === 'json') return store(applyJsonPatch(existing, patch), existing);
        if (options.type === 'strategic')
          return store(applyStrategicMergePatch(existing, patch, (kind as { schema?: string }).schema ?? ''), existing);
        if (options.type !== 'merge') throw new Error(`${options.type} patches are not known here`);
        const { resourceVersion: _, ...metadata } = existing.metadata;
        const patched = applyMergePatch({ ...existing, metadata } as unknown as JsonValue, patch) as unknown as DynamicObject;
        return store(patched, existing);
      },
      delete: async (name: string, options: DeleteOptions = {}) => {
        record({
          verb: 'delete',
          name,
          body: { preconditions: options.preconditions, propagationPolicy: options.propagationPolicy },
        });
        const object = find(name);
        const { uid, resourceVersion } = options.preconditions ?? {};
        if ((uid && uid !== object.metadata.uid) || (resourceVersion && resourceVersion !== object.metadata.resourceVersion))
          throw conflict(gr, name, 'the precondition does not hold');
        const finalizer = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined }[
          options.propagationPolicy ?? 'Background'
        ];
        const finalizers = [...(object.metadata.finalizers ?? []), ...(finalizer ? [finalizer] : [])];
        if (finalizers.length === 0) this.remove(kind, name, namespace);
        else {
          const deletionTimestamp = formatTime(this.clock.now());
          this.put(kind, { ...object, metadata: { ...object.metadata, finalizers, deletionTimestamp } });
        }
        return object;
      },
      deleteCollection: async () => {
        record({ verb: 'deletecollection' });
        for (const { metadata } of this.list<DynamicObject>(kind).filter((o) => o.metadata.namespace === namespace))
          if (!metadata.finalizers?.length) this.remove(kind, metadata.name ?? '', namespace);
      },
    };
  }

  #matcher(namespace: string | undefined, options: ListOptions): (object: DynamicObject) => boolean {
    const selector = options.fieldSelector ? parseFieldSelector(options.fieldSelector) : undefined;
    return (object) =>
      (!namespace || object.metadata.namespace === namespace) &&
      (!selector ||
        selector.matches((field) =>
          String(field.split('.').reduce((o, f) => (o as Record<string, unknown>)?.[f], object as unknown) ?? ''),
        ));
  }

  async *#watch(
    kind: ResourceKind,
    matches: Watcher['matches'],
    { signal, resourceVersion }: ListOptions & { signal?: AbortSignal },
  ): AsyncGenerator<WatchEvent<DynamicObject>> {
    const fromVersion = Number(resourceVersion || this.#version);
    const missed = this.#told.filter(
      ({ resource, object }) =>
        resource === resourceOf(kind) && Number(object.metadata.resourceVersion) > fromVersion && matches(object),
    );
    const queue = missed.map(({ type, object }): WatchEvent<DynamicObject> => ({ type, object: cloneJson(object) }));
    let wake: () => void = () => undefined;
    const watcher: Watcher = {
      resource: resourceOf(kind),
      matches,
      push(event) {
        queue.push(event);
        wake();
      },
    };
    this.#watchers.add(watcher);
    const onAbort = () => wake();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      while (!signal?.aborted) {
        const event = queue.shift();
        if (event) yield event;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }

  #discovery(path: string): object {
    const groups = [...new Set(this.kinds.map((k) => k.group).filter(Boolean))];
    if (path === '/apis')
      return {
        groups: groups.map((name) => {
          const { version } = this.kinds.find((k) => k.group === name)!;
          return { name, versions: [{ groupVersion: `${name}/${version}`, version }] };
        }),
      };
    const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
    const ofPath = this.kinds.filter((k) => path === (k.group ? `/apis/${k.group}/${k.version}` : '/api/v1'));
    return { resources: ofPath.map((k) => ({ name: k.resource, kind: k.kind, namespaced: k.namespaced, verbs })) };
  }

  #write(kind: ResourceKind, key: string, object: DynamicObject, type: 'ADDED' | 'MODIFIED'): void {
    this.#objects.set(key, this.#stamp(object));
    this.#tell(kind, { type, object });
  }

  #stamp(object: DynamicObject): DynamicObject {
    object.metadata.resourceVersion = String(++this.#version);
    return object;
  }

  #tell(kind: ResourceKind, event: { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: DynamicObject }): void {
    this.#told.push({ resource: resourceOf(kind), ...cloneJson(event) });
    for (const watcher of this.#watchers)
      if (watcher.resource === resourceOf(kind) && watcher.matches(event.object)) watcher.push(cloneJson(event));
  }
}

/** A running controller on a testing cluster. */
export interface ControllerRun {
  readonly cluster: TestingCluster;
  readonly events: readonly string[];
  /** What the events said, in the same order. */
  readonly messages: readonly string[];
  readonly metrics: LoopMetrics;
  /** Lets everything that is due happen, after moving the clock on. */
  settle(advanceMs?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a controller on `cluster`; `await using` stops it. What it watches and what it asks otherwise may go by clients of their own. */
export async function runController(
  make: (context: ControllerContext) => Component,
  cluster = new TestingCluster(),
  {
    client = cluster.client,
    watching = cluster.client,
    killed,
  }: { client?: Client; watching?: Client; killed?: AbortSignal } = {},
): Promise<ControllerRun> {
  const controller = new AbortController();
  const { clock } = cluster;
  const signal = killed ? AbortSignal.any([controller.signal, killed]) : controller.signal;
  const informers = createSharedInformers({ client: watching, clock, logger: silentLogger, signal, freeze: true });
  const events: string[] = [];
  const messages: string[] = [];
  const recorder = {
    event(object: KubeObject, _type: string, reason: string, message: string) {
      events.push(`${object.metadata?.name} ${reason}`);
      messages.push(message);
    },
    flush: () => Promise.resolve(),
  } as unknown as EventRecorder;
  const context = {
    name: 'test-controller',
    client,
    informers,
    events: recorder,
    clock,
    logger: silentLogger,
    random: () => 0.5,
    metrics: new LoopMetrics(),
  };
  const component = make(context);
  await component.start(signal);
  // Small steps: retries are due a few milliseconds after what they wait for.
  const settle = async (advanceMs = 0) => {
    for (let i = 0; i < 5; i++) await clock.advance(0);
    if (advanceMs > 0) await clock.advance(advanceMs);
    for (let i = 0; i < 20; i++) await clock.advance(0);
  };
  await settle();
  return {
    cluster,
    events,
    messages,
    metrics: context.metrics,
    settle,
    async [Symbol.asyncDispose]() {
      controller.abort(new DOMException('test ended', 'AbortError'));
      await Promise.all([component.done, informers.done]);
    },
  };
}

/** A failure of the server that is worth another try. */
export function serverError(): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    code: 500,
  });
}

function hasSpecFinalizers(object: DynamicObject): boolean {
  return ((object['spec'] as { finalizers?: string[] } | undefined)?.finalizers?.length ?? 0) > 0;
}

function resourceOf(kind: ResourceKind): string {
  return `${kind.group}/${kind.resource}`;
}

function keyFor(kind: ResourceKind, namespace: string | undefined, name: string | undefined): string {
  return `${resourceOf(kind)}|${kind.namespaced ? (namespace ?? '') : ''}|${name}`;
}
