import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { CodedError } from '../../std/coded-error.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { createSharedInformers } from '../framework/shared-informers.ts';
import { type Affected, type Coordinates, type GraphNode, groupKind, ORPHAN_FINALIZER, OwnerGraph } from './graph.ts';
import { createMonitors } from './monitors.ts';
import { type OwnerState, planExamination } from './plan.ts';

export interface GarbageCollectorOptions {
  /** Reads metadata only; see `createMetadataClient`. */
  metadataClient: Client;
  /** `--concurrent-gc-syncs`. Default 20. */
  workers?: number;
  /** How often to ask for new kinds. Default 30 s, as upstream. */
  refreshPeriodMs?: number;
  /** How long after its start it begins: what it watches is everything, and everything else is more urgent then. Default 0. */
  delayMs?: number;
}

/** A change of one of these makes kinds come or go. */
const MAKES_KINDS: ReadonlySet<string> = new Set([
  'CustomResourceDefinition.apiextensions.k8s.io',
  'APIService.apiregistration.k8s.io',
]);
/** So long after such a change the kinds are asked for: by then they are served, and several changes are one. */
const SETTLE_MS = 500;

/** Deletes objects whose owners are all gone, and carries out deletions in the foreground and those that leave orphans. */
export function createGarbageCollector(context: ControllerContext, options: GarbageCollectorOptions): Component {
  const { client, clock, logger, metrics } = context;
  const graph = new OwnerGraph();
  const done = deferred();
  done.promise.catch(() => undefined); // the manager awaits it; a failure before it does is not unhandled

  const apply = ({ examine, orphan }: Affected) => {
    for (const uid of examine) examineLoop.add(uid);
    for (const uid of orphan) orphanLoop.add(uid);
  };
  const ended = new AbortController();
  const metadataInformers = createSharedInformers({ client: options.metadataClient, clock, logger, signal: ended.signal });
  /** What makes kinds come and go has changed: ask for them soon. */
  let kindsChanged = false;
  let wake = (): void => undefined;
  const monitors = createMonitors({
    client,
    shared: context.informers,
    metadata: metadataInformers,
    onChange(kind, object, type) {
      apply(type === 'deleted' ? graph.remove(object.metadata?.uid ?? '') : graph.upsert(kind, object));
      if (!MAKES_KINDS.has(groupKind(kind))) return;
      kindsChanged = true;
      wake();
    },
    onGone(kind) {
      for (const { uid } of graph.ofKind(kind)) apply(graph.remove(uid));
    },
    onSlow: () => logger.warn('Timed out waiting for some kinds to sync, collecting garbage without them for now'),
    clock,
  });

  const kindNamed = (name: string) => {
    const kind = monitors.find(name);
    if (!kind) throw new CodedError(`unable to get REST mapping for ${name}`, { code: 'KIND_UNKNOWN', retryable: true });
    return kind;
  };
  /** The server's own copy; undefined when there is none, or one of another UID. */
  const readLive = async (at: Coordinates, uid: string, signal: AbortSignal): Promise<KubeObject | undefined> => {
    const kind = kindNamed(at.kind);
    const resource = options.metadataClient.resource<KubeObject>(kind, kind.namespaced ? at.namespace : undefined);
    const live = await unlessReason(resource.get(at.name, { signal }), 'NotFound');
    return live?.metadata?.uid === uid ? live : undefined;
  };
  const resourceAt = (at: Coordinates) => {
    const kind = monitors.find(at.kind)!; // found by readLive just before
    return client.resource<KubeObject>(kind, kind.namespaced ? at.namespace : undefined);
  };
  /** Changes metadata of the version that was read, or fails with a conflict. */
  const patchMetadata = (at: Coordinates, live: KubeObject, metadata: object, signal: AbortSignal) => {
    const { uid, resourceVersion } = live.metadata ?? {};
    const patch = { metadata: { uid, resourceVersion, ...metadata } };
    return unlessReason(resourceAt(at).patch(at.name, patch, { type: 'merge', signal }), 'NotFound');
  };

  const reportForeignOwner = ({ uid, coordinates }: GraphNode, ref: OwnerReference) => {
    const { kind, namespace, name } = coordinates;
    const at = kind.lastIndexOf('/');
    const subject = { apiVersion: kind.slice(0, at), kind: kind.slice(at + 1), metadata: { name, namespace, uid } };
    const owner = `[${ref.apiVersion}/${ref.kind}, namespace: ${namespace}, name: ${ref.name}, uid: ${ref.uid}]`;
    const message = `ownerRef ${owner} does not exist in namespace ${JSON.stringify(namespace)}`;
    context.events.event(subject, 'Warning', 'OwnerRefInvalidNamespace', message);
  };
  const ownerState = async (ref: OwnerReference, node: GraphNode, signal: AbortSignal): Promise<OwnerState> => {
    const known = graph.get(ref.uid);
    const kind = `${ref.apiVersion}/${ref.kind}`;
    // Seen by an informer: if that is out of date, the deletion that it has yet to tell brings us back here.
    const isSeen = known && !known.virtual && known.coordinates.name === ref.name && monitors.find(kind) !== undefined;
    const namespaceFits = !known?.coordinates.namespace || known.coordinates.namespace === node.coordinates.namespace;
    if (isSeen && namespaceFits && monitors.find(kind) === monitors.find(known.coordinates.kind))
      return known.deletingDependents ? 'waits-for-dependents' : 'exists';
    const live = await readLive({ kind, name: ref.name, namespace: node.coordinates.namespace }, ref.uid, signal);
    if (!live && known && !known.virtual && !namespaceFits) reportForeignOwner(node, ref);
    if (!live) return 'absent';
    const waits = live.metadata?.deletionTimestamp && live.metadata.finalizers?.includes('foregroundDeletion');
    return waits ? 'waits-for-dependents' : 'exists';
  };

  /** An object without a namespace cannot name an owner in one: which one it would be, nobody can tell. It is left alone, as upstream does. */
  const isUnresolvable = (kind: string, namespace: string) => namespace === '' && monitors.find(kind)?.namespaced === true;
  const hasUnresolvableOwner = (node: GraphNode): boolean => {
    const refs = node.owners.filter((ref) => isUnresolvable(`${ref.apiVersion}/${ref.kind}`, node.coordinates.namespace));
    for (const ref of refs) if (graph.get(ref.uid)?.virtual === false) reportForeignOwner(node, ref);
    return refs.length > 0;
  };

  const examine = async (uid: string, signal: AbortSignal): Promise<Outcome> => {
    const node = graph.get(uid);
    if (!node || (node.beingDeleted && !node.deletingDependents)) return;
    // Looking again would not help: the reference stays as it is.
    if (isUnresolvable(node.coordinates.kind, node.coordinates.namespace)) return;
    if (!node.beingDeleted && hasUnresolvableOwner(node)) return;
    const live = await readLive(node.coordinates, uid, signal);
    if (!live) {
      apply(graph.remove(uid));
      return;
    }
    // It exists, but its informer has not told us yet.
    if (node.virtual) return 'retry';
    const states = new Map<OwnerReference, OwnerState>();
    // First of all: there may be thousands of owners to ask for, in vain if one of them is of a kind that nobody can be asked about.
    if (!live.metadata?.deletionTimestamp)
      for (const { apiVersion, kind } of live.metadata?.ownerReferences ?? []) kindNamed(`${apiVersion}/${kind}`);
    if (!live.metadata?.deletionTimestamp)
      for (const ref of live.metadata?.ownerReferences ?? []) states.set(ref, await ownerState(ref, node, signal));
    const plan = planExamination(node, live, (ref) => states.get(ref) ?? 'exists');
    const at = node.coordinates;
    switch (plan.action) {
      case 'none':
        return;
      case 'wait':
        for (const dependent of plan.examine) examineLoop.add(dependent);
        return;
      case 'remove-finalizer':
        await patchMetadata(at, live, { finalizers: plan.finalizers }, signal);
        return;
      case 'set-owners':
        await patchMetadata(at, live, { ownerReferences: plan.owners }, signal);
        return;
      case 'delete': {
        let { resourceVersion } = live.metadata ?? {};
        if (plan.unblockOwners) {
          const ownerReferences = live.metadata?.ownerReferences?.map((ref) => ({ ...ref, blockOwnerDeletion: false }));
          resourceVersion = (await patchMetadata(at, live, { ownerReferences }, signal))?.metadata?.resourceVersion;
        }
        logger.debug(2, 'Deleting item', { item: formatNode(node), propagationPolicy: plan.propagationPolicy });
        const preconditions = { uid, resourceVersion };
        const { propagationPolicy } = plan;
        await unlessReason(resourceAt(at).delete(at.name, { propagationPolicy, preconditions, signal }), 'NotFound');
      }
    }
  };

  const orphanDependents = async (uid: string, signal: AbortSignal): Promise<void> => {
    const owner = graph.get(uid);
    if (!owner?.orphaning) return;
    for (const dependent of owner.dependents) {
      const live = await readLive(dependent.coordinates, dependent.uid, signal);
      const refs = live?.metadata?.ownerReferences ?? [];
      if (!live || !refs.some((ref) => ref.uid === uid)) continue;
      await patchMetadata(dependent.coordinates, live, { ownerReferences: refs.filter((ref) => ref.uid !== uid) }, signal);
    }
    const live = await readLive(owner.coordinates, uid, signal);
    const finalizers = live?.metadata?.finalizers ?? [];
    if (!live || !finalizers.includes(ORPHAN_FINALIZER)) return;
    await patchMetadata(owner.coordinates, live, { finalizers: finalizers.filter((f) => f !== ORPHAN_FINALIZER) }, signal);
  };

  const { workers = 20, refreshPeriodMs = 30_000, delayMs = 0 } = options;
  const examineLoop = new Reconciler({ name: context.name, reconcile: examine, clock, logger, metrics, workers });
  const orphanLoop = new Reconciler({ name: `${context.name}-orphans`, reconcile: orphanDependents, clock, logger, metrics });

  const run = async (signal: AbortSignal): Promise<void> => {
    await clock.sleep(delayMs, signal);
    const refresh = async () => {
      try {
        await monitors.refresh(signal);
        return true;
      } catch (error) {
        if (!isAbort(error, signal)) logger.error('Unable to find out which kinds there are, will try again', { err: error });
        return false;
      }
    };
    while (!(await refresh())) await clock.sleep(1000, signal);
    logger.debug(2, 'Garbage collector: all resource monitors have synced. Proceeding to collect garbage', {
      objects: graph.size,
    });
    const loops = [examineLoop.run(signal), orphanLoop.run(signal)];
    // What has been told until now, the first look has seen.
    kindsChanged = false;
    while (!signal.aborted) {
      const woken = new AbortController();
      wake = () => woken.abort();
      // The loop's condition says why it ends; being woken is no failure either.
      const either = AbortSignal.any([signal, woken.signal]);
      if (!kindsChanged) await clock.sleep(refreshPeriodMs, either).catch(() => undefined);
      if (kindsChanged) await clock.sleep(SETTLE_MS, signal).catch(() => undefined);
      kindsChanged = false;
      if (!signal.aborted) await refresh();
    }
    await Promise.all(loops);
  };

  return {
    name: context.name,
    done: done.promise,
    // Ready at once: it needs everything else, and nothing waits for it.
    start(signal) {
      signal.addEventListener('abort', () => ended.abort(signal.reason), { once: true });
      Promise.all([run(signal), metadataInformers.done]).then(
        () => done.resolve(),
        (error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)),
      );
      return Promise.resolve();
    },
  };
}

function formatNode({ coordinates: { kind, namespace, name } }: GraphNode): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
