import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { planTtlStep, ttlSecondsOf } from './plan.ts';

/** Nobody waits for it: nodes that join have more urgent things to do, and where many do, what they are told changes with their number. */
const TELL_AFTER_MS = 1000;

const TTL_ANNOTATION = 'node.alpha.kubernetes.io/ttl';

/** Tells every kubelet, by an annotation on its node, how long it may trust its copies of Secrets and ConfigMaps. */
export function createTtlController(context: ControllerContext): Component {
  const { client, informers, clock, logger } = context;
  const nodes = informers.of<V1Node>(nodeKind);
  const writes = new OwnWrites();
  let step = 0;

  const isToBeTold = (node: V1Node) =>
    !node.metadata?.deletionTimestamp && node.metadata?.annotations?.[TTL_ANNOTATION] !== String(ttlSecondsOf(step));

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const node = nodes.get(name);
    if (!node || !isToBeTold(node) || writes.isBehind(node)) return;
    const patch = { metadata: { annotations: { [TTL_ANNOTATION]: String(ttlSecondsOf(step)) } } };
    writes.note(await unlessReason(client.resource<V1Node>(nodeKind).patch(name, patch, { type: 'merge', signal }), 'NotFound'));
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics: context.metrics });
  return createController(context, {
    sources: [
      source(nodes, (node, change) => {
        if (change.type === 'deleted') writes.forget(keyOf(node));
        const next = change.type === 'updated' ? step : planTtlStep(nodes.list().length, step);
        const concerned = next !== step ? nodes.list() : change.type === 'deleted' ? [] : [node];
        step = next;
        for (const each of concerned) if (isToBeTold(each)) loop.addAfter(keyOf(each), TELL_AFTER_MS);
      }),
    ],
    loops: [loop],
  });
}
