/** For tests: an API server in memory behind the client's contract, with switches for its faults. */
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { DynamicObject, KubeObject } from '../../api/machinery/object.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { alreadyExists, conflict, notFound, StatusError } from '../../api/machinery/status-error.ts';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge-patch.ts';
import type { Client, ResourceClient, WatchEvent, WatchOptions } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';

/** One request, as the fake saw it. */
export interface ApiCall {
  readonly verb: 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete';
  readonly resource: string;
  readonly name: string;
  readonly subresource?: string;
}

interface Watcher {
  readonly kind: ResourceKind;
  readonly matches: (object: DynamicObject) => boolean;
  push(event: WatchEvent<DynamicObject> | undefined): void;
}

export class FakeApi {
  readonly calls: ApiCall[] = [];
  readonly objects = new Map<string, DynamicObject>();
  /** Called before each request; throws to refuse it. */
  before: (call: ApiCall, object?: DynamicObject) => void = () => undefined;
  /** Answers reviews and what is posted to subresources (tokens), which are not stored. */
  review: (object: DynamicObject) => DynamicObject = (object) => object;
  /** Called with each object that was created, as the server's controllers would be. */
  created: (object: DynamicObject) => void = () => undefined;
  #clock: Clock;
  #revision = 0;
  #watchers = new Set<Watcher>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(verb: ApiCall['verb'], resource: string): number {
    return this.calls.filter((call) => call.verb === verb && call.resource === resource).length;
  }

  find<T = DynamicObject>(resource: string, name: string, namespace = ''): T | undefined {
    return this.objects.get(`${resource}/${namespace}/${name}`) as T | undefined;
  }

  /** Changes a stored object as somebody else would. */
  change(kind: ResourceKind, name: string, namespace: string, edit: (object: DynamicObject) => void): void {
    const object = structuredClone(this.find(kind.resource, name, namespace)!);
    edit(object);
    this.#put(kind, object, 'MODIFIED');
  }

  put(kind: ResourceKind, object: KubeObject): DynamicObject {
    return this.#put(kind, this.#complete(kind, object), 'ADDED');
  }

  remove(kind: ResourceKind, name: string, namespace = ''): void {
    const key = `${kind.resource}/${namespace}/${name}`;
    const object = this.objects.get(key);
    if (!object) return;
    this.objects.delete(key);
    this.#tell(kind, 'DELETED', object);
  }

  /** Ends every watch, as a server that goes away does. */
  dropWatches(): void {
    for (const watcher of this.#watchers) watcher.push(undefined);
  }

  client(): Client {
    const client: Client = {
      resource: <T extends KubeObject>(kind: ResourceKind, namespace?: string) =>
        this.#resource(kind, namespace ?? '') as unknown as ResourceClient<T>,
      raw: async () => ({ status: 200, text: 'ok' }),
      transport: {
        request: async () => {
          throw new Error('the fake has no transport');
        },
        close: async () => undefined,
      },
      withUserAgent: () => client,
    };
    return client;
  }

  #resource(kind: ResourceKind, namespace: string): ResourceClient {
    const gr = { group: kind.group, resource: kind.resource };
    const key = (name: string) => `${kind.resource}/${namespace}/${name}`;
    const existing = (name: string) => {
      const object = this.objects.get(key(name));
      if (!object) throw notFound(gr, name);
      return object;
    };
    const call = async (verb: ApiCall['verb'], name: string, subresource?: string, object?: unknown) => {
      await Promise.resolve();
      const made = { verb, resource: kind.resource, name, ...(subresource && { subresource }) };
      this.calls.push(made);
      this.before(made, object as DynamicObject | undefined);
    };
    return {
      get: async (name) => {
        await call('get', name);
        return structuredClone(existing(name));
      },
      list: async (options) => {
        await call('list', '');
        const items = [...this.objects]
          .filter(([at]) => at.startsWith(`${kind.resource}/${namespace}`))
          .map(([, object]) => object);
        return {
          apiVersion: 'v1',
          kind: `${kind.kind}List`,
          metadata: { resourceVersion: String(this.#revision) },
          items: structuredClone(items.filter(selector(options?.fieldSelector))),
        };
      },
      watch: (options) => this.#watch(kind, namespace, options ?? {}, call),
      create: async (object, options) => {
        const wanted = this.#complete(kind, object as KubeObject);
        await call('create', options?.name ?? wanted.metadata.name!, options?.subresource, wanted);
        if (kind.kind.endsWith('Review') || options?.subresource) return this.review(wanted) as never;
        if (this.objects.has(key(wanted.metadata.name!))) throw alreadyExists(gr, wanted.metadata.name!);
        const stored = this.#put(kind, wanted, 'ADDED');
        this.created(stored);
        return structuredClone(stored) as never;
      },
      update: async (object, options) => {
        const name = object.metadata.name!;
        await call('update', name, options?.subresource, object);
        const before = existing(name);
        const { resourceVersion } = object.metadata;
        if (resourceVersion && resourceVersion !== before.metadata.resourceVersion) throw conflict(gr, name, 'stale');
        return structuredClone(this.#put(kind, structuredClone(object), 'MODIFIED'));
      },
      patch: async (name, patch, options) => {
        await call('patch', name, options.subresource, patch as object);
        const before = existing(name);
        const { uid } = ((patch as KubeObject).metadata ?? {}) as { uid?: string };
        if (uid && uid !== before.metadata.uid) throw conflict(gr, name, 'another uid');
        const after = applyStrategicMergePatch(structuredClone(before), structuredClone(patch), `V1${kind.kind}`);
        return structuredClone(this.#put(kind, after, 'MODIFIED'));
      },
      delete: async (name, options) => {
        await call('delete', name);
        const before = existing(name);
        if (options?.preconditions?.uid && options.preconditions.uid !== before.metadata.uid)
          throw conflict(gr, name, 'another uid');
        this.remove(kind, name, namespace);
        return before;
      },
      deleteCollection: async () => {
        throw new Error('the fake does not delete collections');
      },
    };
  }

  async *#watch(
    kind: ResourceKind,
    namespace: string,
    options: WatchOptions,
    call: (verb: 'watch', name: string) => Promise<void>,
  ): AsyncGenerator<WatchEvent<DynamicObject>> {
    await call('watch', options.fieldSelector ?? '');
    const waiting: (WatchEvent<DynamicObject> | undefined)[] = [];
    let wake: () => void = () => undefined;
    const selected = selector(options.fieldSelector);
    const matches = (object: DynamicObject) => (!namespace || object.metadata.namespace === namespace) && selected(object);
    const watcher: Watcher = {
      kind,
      matches,
      push(event) {
        waiting.push(event);
        wake();
      },
    };
    const from = Number(options.resourceVersion ?? 0);
    for (const [at, object] of this.objects)
      if (at.startsWith(`${kind.resource}/`) && matches(object) && Number(object.metadata.resourceVersion) > from)
        waiting.push({ type: 'MODIFIED', object: structuredClone(object) });
    this.#watchers.add(watcher);
    const onAbort = () => watcher.push(undefined);
    options.signal?.addEventListener('abort', onAbort);
    try {
      for (;;) {
        options.signal?.throwIfAborted();
        if (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const event = waiting.shift();
        options.signal?.throwIfAborted();
        if (!event) return;
        yield event;
      }
    } finally {
      this.#watchers.delete(watcher);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  #complete(kind: ResourceKind, object: KubeObject): DynamicObject {
    const clone = structuredClone(object) as DynamicObject;
    const { generateName } = clone.metadata ?? {};
    const name = clone.metadata?.name ?? `${generateName ?? ''}${String(this.#revision + 1).padStart(5, 'x')}`;
    clone.metadata = {
      ...clone.metadata,
      name,
      uid: clone.metadata?.uid ?? `uid-${kind.resource}-${name}-${this.#revision + 1}`,
      creationTimestamp: clone.metadata?.creationTimestamp ?? formatTime(this.#clock.now()),
    };
    return clone;
  }

  #put(kind: ResourceKind, object: DynamicObject, type: 'ADDED' | 'MODIFIED'): DynamicObject {
    object.metadata.resourceVersion = String(++this.#revision);
    this.objects.set(`${kind.resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object);
    this.#tell(kind, type, object);
    return object;
  }

  #tell(kind: ResourceKind, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: DynamicObject): void {
    for (const watcher of this.#watchers)
      if (watcher.kind.resource === kind.resource && watcher.matches(object))
        watcher.push({ type, object: structuredClone(object) });
  }
}

/** What the transport rejects with when nobody answers. */
export function unreachable(): Error {
  return Object.assign(new Error('https://127.0.0.1:6443: cannot connect: connection refused'), { code: 'TRANSPORT_CONNECT' });
}

export function refusal(code: number, reason: 'Forbidden' | 'Unauthorized' | 'InternalError', message: string): StatusError {
  return new StatusError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message });
}

function selector(text: string | undefined): (object: DynamicObject) => boolean {
  if (!text) return () => true;
  const [field = '', value = ''] = text.split('=');
  return (object) => {
    let at: unknown = object;
    for (const part of field.split('.')) at = (at as Record<string, unknown> | undefined)?.[part];
    return (at ?? '') === value;
  };
}
