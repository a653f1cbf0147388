import { namespaceKind } from '../../api/core/v1/namespace.ts';
import type { V1Namespace } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { deleteContent } from './content.ts';
import { isContentGone, NAMESPACE_FINALIZER, needsContentDeletion, planConditions } from './plan.ts';

/** Empties namespaces that are being deleted, says in their conditions what is still in the way, and lets them go when nothing is. */
export function createNamespaceController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger } = context;
  const namespaces = informers.of<V1Namespace>(namespaceKind);
  const resource = client.resource<V1Namespace>(namespaceKind);

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    if (!needsContentDeletion(namespaces.get(name) ?? {})) return;
    // Live: our cache may still show an older object of the same name.
    const namespace = await unlessReason(resource.get(name, { signal }), 'NotFound');
    if (!namespace || !needsContentDeletion(namespace)) return;
    const result = await deleteContent(client, name, signal);
    const conditions = planConditions(namespace.status?.conditions ?? [], result, clock.now());
    let current = namespace;
    if (conditions || namespace.status?.phase !== 'Terminating') {
      const status = { ...namespace.status, phase: 'Terminating', ...(conditions && { conditions }) };
      const updated = await unlessReason(
        resource.update({ ...namespace, status }, { subresource: 'status', signal }),
        'NotFound',
      );
      if (!updated) return;
      current = updated;
    }
    if (!isContentGone(result)) {
      for (const failure of result.deletionFailures)
        logger.warn('Unable to delete content of namespace', { namespace: name, why: failure });
      return 'retry';
    }
    const finalizers = (current.spec?.finalizers ?? []).filter((finalizer) => finalizer !== NAMESPACE_FINALIZER);
    const finalized = { ...current, spec: { ...current.spec, finalizers } };
    await unlessReason(resource.update(finalized, { subresource: 'finalize', signal }), 'NotFound');
  };

  const loop = new Reconciler({
    name: context.name,
    reconcile,
    clock,
    logger,
    metrics: context.metrics,
    workers: options.workers ?? 10,
    // Each attempt asks for every kind: quick at first, for what is deleted at once, and not too often for what takes its time.
    initialBackoffMs: 100,
    maxBackoffMs: 5_000,
  });
  return createController(context, {
    sources: [
      source(namespaces, (namespace, change) => {
        if (change.type !== 'deleted' && needsContentDeletion(namespace)) loop.add(keyOf(namespace));
      }),
    ],
    loops: [loop],
  });
}
