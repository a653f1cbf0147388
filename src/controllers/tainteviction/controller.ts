import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { disruptPod } from '../framework/delete-pod.ts';
import { podsByNode } from '../framework/pods-by-node.ts';
import { planEviction } from './plan.ts';

/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. */
export function createTaintEvictionController(context: ControllerContext): Component {
  const { client, informers, clock, logger, metrics } = context;
  const nodes = informers.of<V1Node>(nodeKind);
  const { pods, onNode } = podsByNode(informers);
  /** When pods were first seen under taints that do not say when they were added; and who waits, for the event when they need not any more. */
  const waiting = new Map<string, number>();

  const reconcile = async (key: string, signal: AbortSignal): Promise<Outcome> => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(name, namespace);
    const node = pod?.spec?.nodeName ? nodes.get(pod.spec.nodeName) : undefined;
    if (!pod || !node || pod.metadata?.deletionTimestamp || isEnded(pod.status?.phase)) {
      waiting.delete(key);
      return;
    }
    const sinceMs = waiting.get(key) ?? clock.now();
    const plan = planEviction(pod, node, sinceMs);
    if (plan === 'never') {
      if (waiting.delete(key)) context.events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      return;
    }
    if (plan.atMs > clock.now()) {
      waiting.set(key, sinceMs);
      return { requeueAfterMs: plan.atMs - clock.now() };
    }
    logger.info('Deleting pod because of a NoExecute taint of its node', { pod: key, node: pod.spec?.nodeName });
    context.events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
    const message = 'Taint manager: deleting due to NoExecute taint';
    await disruptPod(client, pod, { reason: 'DeletionByTaintManager', message, nowMs: clock.now(), signal });
    // Only now: who is tried again has waited already.
    waiting.delete(key);
  };

  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: 8 });
  const isTainted = (node: V1Node | undefined) => node?.spec?.taints?.some((taint) => taint.effect === 'NoExecute') ?? false;
  return createController(context, {
    sources: [
      source(nodes, (node, change) => {
        if (change.type === 'deleted' || !(isTainted(node) || isTainted(change.previous))) return;
        if (change.previous && sameTaints(node, change.previous)) return;
        for (const pod of onNode(keyOf(node))) loop.add(keyOf(pod));
      }),
      source(pods, (pod) => {
        if (pod.spec?.nodeName && (waiting.has(keyOf(pod)) || isTainted(nodes.get(pod.spec.nodeName)))) loop.add(keyOf(pod));
      }),
    ],
    loops: [loop],
  });
}

function isEnded(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

function sameTaints(a: V1Node, b: V1Node): boolean {
  return JSON.stringify(a.spec?.taints ?? []) === JSON.stringify(b.spec?.taints ?? []);
}
