import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { planTtlStep, ttlSecondsOf } from './plan.ts';

const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/** Tells every kubelet, by an annotation on its node, how long it may trust its copies of Secrets and ConfigMaps. */
export function createTtlController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const nodes = informers.of<V1Node>(nodeKind);
  const writes = new OwnWrites();
  let step = 0;

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const node = nodes.get(name);
    const ttl = String(ttlSecondsOf(step));
    if (!node || node.metadata?.deletionTimestamp || node.metadata?.annotations?.[TTL_ANNOTATION] === ttl) return;
    if (writes.isBehind(node)) return;
    const patch = { metadata: { annotations: { [TTL_ANNOTATION]: ttl } } };
    writes.note(await unlessReason(client.resource<V1Node>(nodeKind).patch(name, patch, { type: 'merge', signal }), 'NotFound'));
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics });
  return createController(context, {
    sources: [
      source(nodes, (node, change) => {
        if (change.type === 'deleted') writes.forget(keyOf(node));
        const next = change.type === 'updated' ? step : planTtlStep(nodes.list().length, step);
        if (next !== step) {
          step = next;
          for (const other of nodes.list()) loop.add(keyOf(other));
        } else if (change.type !== 'deleted') loop.add(keyOf(node));
      }),
    ],
    loops: [loop],
  });
}
