import { leaseKind } from '../../api/coordination/v1/lease.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Lease, V1Node, V1NodeCondition, V1Pod } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { hasReason, unlessReason } from '../../client/unless-reason.ts';
import { steadyMs } from '../../std/clock.ts';
import { type Component, isAbort } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { podsByNode } from '../framework/pods-by-node.ts';
import { conditionOf, type NodeHealth, observeNode } from './health.ts';
import { NodeMetrics } from './node-metrics.ts';
import { planOldLabels } from './old-labels.ts';
import { planNotReady } from './pod-readiness.ts';
import { awaitsEviction, evicts, planTaints, planTaintsPatch } from './taints.ts';
import { countsForZone, evictionRate, ZoneLimiter, type ZoneOptions, zoneOf, zoneState } from './zones.ts';

export interface NodeLifecycleOptions extends ZoneOptions {
  monitorPeriodMs: number;
  gracePeriodMs: number;
  startupGracePeriodMs: number;
}

/** How often waiting nodes are offered to the zones' rate limits. */
const EVICTION_TICK_MS = 100;
const NODE_LEASES = 'kube-node-lease';

/**
 * Watches over nodes' heartbeats: says in their conditions when they have stopped, taints them as their conditions want it, and takes
 * readiness from the pods of nodes that are not Ready.
 */
export function createNodeLifecycleController(context: ControllerContext, options: NodeLifecycleOptions): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const nodes = informers.of<V1Node>(nodeKind);
  const leases = informers.of<V1Lease>(leaseKind, { namespace: NODE_LEASES });
  const { pods, onNode } = podsByNode(informers);
  const health = new Map<string, NodeHealth>();
  const limiters = new Map<string, ZoneLimiter>();
  /** Nodes whose turn to be tainted NoExecute has come, until they are. */
  const granted = new Set<string>();
  const taintWrites = new OwnWrites();
  const counts = metrics.own('node_collector', () => new NodeMetrics());
  /** All nodes of all zones are down: more likely we are. Nobody is evicted then. */
  let allDisrupted = false;

  const reconcileLabels = async (node: V1Node, signal: AbortSignal): Promise<void> => {
    const labels = planOldLabels(node);
    if (!labels) return;
    const patch = { metadata: { uid: node.metadata?.uid, labels } };
    await unlessReason(client.resource<V1Node>(nodeKind).patch(keyOf(node), patch, { type: 'merge', signal }), 'NotFound');
  };

  const reconcileTaints = async (name: string, signal: AbortSignal): Promise<Outcome> => {
    const node = nodes.get(name);
    if (!node) return;
    await reconcileLabels(node, signal);
    const mode = allDisrupted ? 'never' : granted.has(name) ? 'evict' : 'keep';
    const taints = planTaints(node, mode, clock.now());
    if (!taints) return;
    if (taintWrites.isBehind(node)) return;
    try {
      const resource = client.resource<V1Node>(nodeKind);
      taintWrites.note(await resource.patch(name, planTaintsPatch(node, taints), { type: 'json', signal }));
      if (mode === 'evict' && evicts(taints) && !evicts(node.spec?.taints ?? [])) counts.evicted(zoneOf(node));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return;
      // The patch did not fit, and the node has changed since: so it was about taints that are no more.
      if (hasReason(error, 'Invalid') && nodes.get(name) !== node) return 'retry';
      throw error;
    }
  };

  const reconcilePod = async (key: string, signal: AbortSignal): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    const node = pod?.spec?.nodeName ? nodes.get(pod.spec.nodeName) : undefined;
    if (!pod || !node || !isSilentOrFailing(node)) return;
    const conditions = planNotReady(pod, clock.now());
    if (!conditions) return;
    const changed = { ...pod, status: { ...pod.status, conditions } };
    const resource = client.resource<V1Pod>(podKind, namespace);
    if (await unlessReason(resource.update(changed, { subresource: 'status', signal }), 'NotFound'))
      events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  };

  const taintLoop = new Reconciler({
    name: `${context.name}-taints`,
    reconcile: reconcileTaints,
    clock,
    logger,
    metrics,
    workers: 8,
  });
  const podLoop = new Reconciler({ name: `${context.name}-pods`, reconcile: reconcilePod, clock, logger, metrics, workers: 4 });

  /** Looks at one node and says in its conditions when it is silent. */
  const monitorNode = async (node: V1Node, signal: AbortSignal): Promise<string> => {
    const name = node.metadata?.name ?? '';
    const { gracePeriodMs, startupGracePeriodMs } = options;
    const lease = leases.get(name, NODE_LEASES);
    const previous = health.get(name);
    const times = { nowMs: clock.now(), atMs: steadyMs(clock) };
    const seen = observeNode({ node, lease, previous, ...times, gracePeriodMs, startupGracePeriodMs });
    health.set(name, seen.health);
    if (!seen.conditions) return seen.ready;
    logger.debug(2, "Node hasn't been updated", { node: name, sinceMs: times.atMs - seen.health.probeMs });
    await writeConditions(node, seen.conditions, signal);
    if (seen.observed === 'True') events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    return seen.ready;
  };
  const writeConditions = (node: V1Node, conditions: V1NodeCondition[], signal: AbortSignal) => {
    const changed = { ...node, status: { ...node.status, conditions } };
    return unlessReason(
      client.resource<V1Node>(nodeKind).update(changed, { subresource: 'status', signal }),
      'NotFound',
      'Conflict',
    );
  };

  const zones = new Map<string, { ready: number; notReady: number }>();
  const monitorAll = async (signal: AbortSignal): Promise<void> => {
    const newer = new Map<string, { ready: number; notReady: number }>();
    const all = nodes.list();
    for (const name of health.keys()) if (!nodes.get(name)) health.delete(name);
    for (const node of all) {
      const ready = await monitorNode(node, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // One node must not keep us from the others; the next pass tries again.
        logger.error('Error updating node', { node: keyOf(node), err: error });
        return conditionOf(node, 'Ready')?.status ?? 'Unknown';
      });
      if (!countsForZone(node)) continue;
      const count = newer.get(zoneOf(node)) ?? { ready: 0, notReady: 0 };
      count[ready === 'True' ? 'ready' : 'notReady']++;
      newer.set(zoneOf(node), count);
    }
    zones.clear();
    for (const [zone, count] of newer) zones.set(zone, count);
    counts.zones = newer;
    const wasAllDisrupted = allDisrupted;
    allDisrupted = newer.size > 0 && [...newer.values()].every((count) => zoneState(count, 1) === 'full');
    if (allDisrupted === wasAllDisrupted) return;
    logger.info(
      allDisrupted
        ? 'Controller detected that all Nodes are not-Ready. Entering master disruption mode'
        : 'Controller detected that some Nodes are Ready. Exiting master disruption mode',
    );
    granted.clear();
    for (const node of all) {
      // After a time in which we could not tell, every node gets the whole grace period again.
      const known = health.get(keyOf(node));
      if (!allDisrupted && known) health.set(keyOf(node), { ...known, probeMs: steadyMs(clock) });
      taintLoop.add(keyOf(node));
    }
  };

  /** Lets nodes that are not Ready have their NoExecute taint, as fast as their zones' limits allow. */
  const grantEvictions = (): boolean => {
    const waiting = allDisrupted ? [] : nodes.list().filter((node) => awaitsEviction(node) && !granted.has(keyOf(node)));
    for (const node of waiting) {
      const zone = zoneOf(node);
      const count = zones.get(zone) ?? { ready: 0, notReady: 0 };
      const rate = evictionRate(zoneState(count, options.unhealthyZoneThreshold), count.ready + count.notReady, options);
      const limiter = limiters.get(zone) ?? new ZoneLimiter();
      limiters.set(zone, limiter);
      if (!limiter.take(rate, steadyMs(clock))) continue;
      granted.add(keyOf(node));
      taintLoop.add(keyOf(node));
    }
    return waiting.length > 0;
  };

  const background = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const nextMs = steadyMs(clock) + options.monitorPeriodMs;
      try {
        await monitorAll(signal);
        while (grantEvictions() && steadyMs(clock) + EVICTION_TICK_MS < nextMs) await clock.sleep(EVICTION_TICK_MS, signal);
      } catch (error) {
        if (!isAbort(error, signal)) logger.error('Error monitoring node health', { err: error });
      }
      await clock.sleep(Math.max(0, nextMs - steadyMs(clock)), signal).catch(() => undefined); // the loop's condition says why
    }
  };

  return createController(context, {
    sources: [
      source(nodes, (node, change) => {
        if (change.type === 'deleted') {
          granted.delete(keyOf(node));
          taintWrites.forget(keyOf(node));
          events.event(node, 'Normal', 'RemovingNode', `Node ${keyOf(node)} event: Removing Node ${keyOf(node)} from Controller`);
          return;
        }
        if (change.type === 'added')
          events.event(
            node,
            'Normal',
            'RegisteredNode',
            `Node ${keyOf(node)} event: Registered Node ${keyOf(node)} in Controller`,
          );
        if (!awaitsEviction(node)) granted.delete(keyOf(node));
        taintLoop.add(keyOf(node));
        const hasTurned = !change.previous || !isSilentOrFailing(change.previous);
        if (isSilentOrFailing(node) && hasTurned) for (const pod of onNode(keyOf(node))) podLoop.add(keyOf(pod));
      }),
      source(pods, (pod, change) => {
        // Bound to a node that has failed already. Later changes are its kubelet's word, which counts.
        if (change.type !== 'deleted' && pod.spec?.nodeName && change.previous?.spec?.nodeName !== pod.spec.nodeName)
          podLoop.add(keyOf(pod));
      }),
      source(leases, () => undefined),
    ],
    loops: [taintLoop, podLoop],
    background,
  });
}

/** Whether somebody has said that the node is not Ready. Before anybody did, nothing is known. */
function isSilentOrFailing(node: V1Node): boolean {
  const status = conditionOf(node, 'Ready')?.status;
  return status !== undefined && status !== 'True';
}
