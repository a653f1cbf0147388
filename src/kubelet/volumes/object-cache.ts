/**
 * The ConfigMaps and Secrets of this node's pods, each watched by its name as long as a pod names it: a kubelet may read nothing else.
 * Immutable ones are read once (upstream's pkg/kubelet/util/manager).
 */
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1ConfigMap, V1Pod, V1Secret } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { ObjectReader } from '../pods/object-reader.ts';
import { type ObjectReference, objectReferences } from './object-references.ts';

/** `configMapAndSecretChangeDetectionStrategy`. */
export type ChangeDetection = 'Watch' | 'Cache' | 'Get';

export interface ObjectCacheOptions {
  readonly client: Client;
  readonly changeDetection: ChangeDetection;
  /** With `Cache`: how long an object counts as fresh. Default 1 minute. */
  readonly timeToLiveMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

export interface ObjectCache extends ObjectReader {
  /** Keeps what the pod names until it is forgotten; again with another spec, what that names. */
  register(pod: V1Pod): void;
  forget(podUid: string): void;
  /** `listener` hears of each pod that names an object which has changed, come or gone. Only with `Watch`. */
  subscribe(listener: (podUid: string) => void): () => void;
  /** How many objects are watched or kept. */
  readonly size: number;
  /** Ends all watches; none begins any more. */
  close(): void;
}

type Kept = KubeObject & { readonly immutable?: boolean };

interface Entry {
  readonly kind: ObjectReference['kind'];
  readonly namespace: string;
  readonly name: string;
  readonly pods: Set<string>;
  readonly end: AbortController;
  informer?: Informer<Kept>;
  ready?: Promise<void>;
  object?: Kept;
  fetchedAtMs?: number;
}

const KINDS: Readonly<Record<ObjectReference['kind'], ResourceKind>> = { configMap: configMapKind, secret: secretKind };
const TIME_TO_LIVE_MS = 60_000;
const LONGEST_WAIT_MS = 10_000;

export function createObjectCache(options: ObjectCacheOptions): ObjectCache {
  const { client, changeDetection, clock, logger, random, timeToLiveMs = TIME_TO_LIVE_MS } = options;
  const entries = new Map<string, Entry>();
  const ofPod = new Map<string, Set<string>>();
  const listeners = new Set<(podUid: string) => void>();
  let closed = false;
  const keyOf = (kind: string, namespace: string, name: string) => `${kind}/${namespace}/${name}`;

  function hold(kind: ObjectReference['kind'], namespace: string, name: string, podUid: string): string {
    const key = keyOf(kind, namespace, name);
    let entry = entries.get(key);
    if (!entry) {
      entry = { kind, namespace, name, pods: new Set(), end: new AbortController() };
      entries.set(key, entry);
      if (changeDetection === 'Watch' && !closed) watch(entry);
    }
    // A new pod is to see what is there now.
    if (!entry.pods.has(podUid) && !entry.object?.immutable) entry.fetchedAtMs = undefined;
    entry.pods.add(podUid);
    return key;
  }

  function watch(entry: Entry): void {
    const { kind, namespace, name, end } = entry;
    const informer = createInformer<Kept>({
      client,
      kind: KINDS[kind],
      namespace,
      fieldSelector: `metadata.name=${name}`,
      clock,
      logger,
      random,
    });
    informer.onChange(({ type, object }) => {
      entry.object = type === 'deleted' ? undefined : object;
      // The first look is no change.
      if (informer.hasSynced) for (const uid of entry.pods) for (const listener of listeners) listener(uid);
      if (entry.object?.immutable) queueMicrotask(() => end.abort(new DOMException('immutable', 'AbortError')));
    });
    entry.informer = informer;
    entry.ready = informer.start(end.signal);
    // Whoever waits for the object is told; nobody may wait any more.
    entry.ready.catch(() => undefined);
    informer.done.catch((error: unknown) => logger.error('Watching an object ended', { kind, namespace, name, error }));
  }

  function release(key: string, podUid: string): void {
    const entry = entries.get(key);
    if (!entry) return;
    entry.pods.delete(podUid);
    if (entry.pods.size > 0) return;
    entries.delete(key);
    entry.end.abort(new DOMException('no pod names it any more', 'AbortError'));
  }

  async function read<T extends KubeObject>(kind: ObjectReference['kind'], namespace: string, name: string): Promise<T> {
    const entry = entries.get(keyOf(kind, namespace, name));
    const resource = client.resource<Kept>(KINDS[kind], namespace);
    // Not registered: asked by a part that knows the pod before its volumes do.
    if (!entry) return (await resource.get(name)) as KubeObject as T;
    if (entry.object?.immutable) return entry.object as KubeObject as T;
    if (entry.informer) await synced(entry);
    else if (
      changeDetection === 'Get' ||
      entry.fetchedAtMs === undefined ||
      steadyMs(clock) - entry.fetchedAtMs >= timeToLiveMs
    ) {
      entry.object = await resource.get(name);
      entry.fetchedAtMs = steadyMs(clock);
    }
    if (!entry.object) throw notFound({ group: '', resource: kind.toLowerCase() }, name);
    return entry.object as KubeObject as T;
  }

  async function synced({ informer, ready, kind }: Entry): Promise<void> {
    if (informer?.hasSynced) return;
    const end = new AbortController();
    const timeout = clock.sleep(LONGEST_WAIT_MS, end.signal).then(() => {
      throw new Error(`failed to sync ${kind.toLowerCase()} cache: timed out waiting for the condition`);
    });
    try {
      await Promise.race([ready, timeout]);
    } finally {
      end.abort();
      timeout.catch(() => undefined); // ended by the line above, or it is the failure itself
    }
  }

  return {
    configMap: (namespace, name) => read<V1ConfigMap & KubeObject>('configMap', namespace, name),
    secret: (namespace, name) => read<V1Secret & KubeObject>('secret', namespace, name),
    register(pod) {
      const { uid = '', namespace = '' } = pod.metadata ?? {};
      const before = ofPod.get(uid) ?? new Set();
      const now = new Set(objectReferences(pod).map(({ kind, name }) => hold(kind, namespace, name, uid)));
      for (const key of before) if (!now.has(key)) release(key, uid);
      ofPod.set(uid, now);
    },
    forget(podUid) {
      for (const key of ofPod.get(podUid) ?? []) release(key, podUid);
      ofPod.delete(podUid);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    get size() {
      return entries.size;
    },
    close() {
      closed = true;
      for (const podUid of [...ofPod.keys()]) this.forget(podUid);
    },
  };
}
