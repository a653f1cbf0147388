import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { RangeAllocator, type RangeAllocatorOptions } from './range-allocator.ts';

/**
 * Gives every node its part of the cluster's pod addresses. Who has what stands in the nodes alone: it is read before the first part is
 * given away, so that a restart gives none twice.
 */
export function createNodeIpamController(context: ControllerContext, options: RangeAllocatorOptions): Component {
  const { client, informers, clock, logger } = context;
  const nodes = informers.of<V1Node>(nodeKind);
  const allocator = new RangeAllocator(options);
  const waiting = new Set<string>();
  const writes = new OwnWrites();
  let isRead = false;

  const reconcile = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    if (!isRead) {
      for (const node of nodes.list()) if (podCidrsOf(node).length > 0) allocator.occupy(keyOf(node), podCidrsOf(node));
      isRead = true;
    }
    const node = nodes.get(name);
    if (!node) {
      waiting.delete(name);
      writes.forget(name);
      if (allocator.release(name)) for (const other of waiting) loop.add(other);
      return;
    }
    const existing = podCidrsOf(node);
    if (existing.length > 0) {
      waiting.delete(name);
      allocator.occupy(name, existing);
      return;
    }
    if (writes.isBehind(node)) return;
    const podCIDRs = allocator.allocate(name);
    if (!podCIDRs) {
      waiting.add(name);
      context.events.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
      logger.warn('There is no range of pod addresses left for node', {
        node: name,
        clusterCIDR: options.clusterCidrs.join(','),
      });
      return 'retry';
    }
    waiting.delete(name);
    // An answer that is lost leaves the part with this node: whether it was written, the next look tells.
    const patch = { metadata: { uid: node.metadata?.uid }, spec: { podCIDR: podCIDRs[0], podCIDRs } };
    const written = await unlessReason(
      client.resource<V1Node>(nodeKind).patch(name, patch, { type: 'merge', signal }),
      'NotFound',
    );
    writes.note(written);
    if (written) logger.debug(2, 'Set node PodCIDR', { node: name, podCIDRs: podCIDRs.join(',') });
  };

  const loop = new Reconciler({
    name: context.name,
    reconcile,
    clock,
    logger,
    metrics: context.metrics,
    workers: 8,
    initialBackoffMs: 100,
    maxBackoffMs: 60_000,
  });
  return createController(context, {
    sources: [source(nodes, (node) => loop.add(keyOf(node)))],
    loops: [loop],
  });
}

function podCidrsOf({ spec }: V1Node): readonly string[] {
  return spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : [];
}
