import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { type Component, isAbort } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source } from '../framework/controller.ts';
import { disruptPod } from '../framework/delete-pod.ts';
import { podsByNode } from '../framework/pods-by-node.ts';
import { missingNodes, planOutOfService, planTerminated, planUnscheduled } from './plan.ts';

const PERIOD_MS = 20_000;
/** How long a node must be missing before its pods are. */
const QUARANTINE_MS = 40_000;

/** Deletes pods that nobody will: too many ended ones, those of nodes that are gone or out of service, and those deleted before they got a node. */
export function createPodGcController(context: ControllerContext, options: { terminatedPodThreshold: number }): Component {
  const { client, informers, clock, logger } = context;
  const { pods, onNode } = podsByNode(informers);
  const nodes = informers.of<V1Node>(nodeKind);
  const missingSince = new Map<string, number>();

  /** Nobody will say any more how the pod ended: it has failed, unless it is known to have ended. */
  const remove = async (pod: V1Pod, signal: AbortSignal) => {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    const resource = client.resource<V1Pod>(podKind, namespace);
    if (!isEnded(pod)) {
      const patch = { metadata: { uid }, status: { phase: 'Failed' } };
      const failed = resource.patch(name, patch, { type: 'merge', subresource: 'status', signal });
      if (!(await unlessReason(failed, 'NotFound', 'Conflict'))) return;
    }
    const deleted = resource.delete(name, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
    await unlessReason(deleted, 'NotFound', 'Conflict');
  };
  /** One that the server does not let go keeps none of the others; the next pass tries it again. No answer ends the pass: what it goes by grows old. */
  const each = async (found: readonly V1Pod[], act: (pod: V1Pod) => Promise<void>) => {
    for (const pod of found)
      await act(pod).catch((error: unknown) => {
        if (!(error instanceof StatusError)) throw error;
        logger.error('Error collecting a pod, will try again', { pod: keyOf(pod), err: error });
      });
  };
  const removeOrphans = async (signal: AbortSignal) => {
    const missing = missingNodes(pods.list(), (name) => nodes.get(name) !== undefined);
    for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
    for (const name of missing) {
      const sinceMs = missingSince.get(name) ?? clock.now();
      missingSince.set(name, sinceMs);
      if (clock.now() - sinceMs < QUARANTINE_MS) continue;
      // The server's word: our cache must not cost pods their lives.
      if (await unlessReason(client.resource<V1Node>(nodeKind).get(name, { signal }), 'NotFound')) continue;
      await each(onNode(name), async (pod) => {
        logger.info('Found orphaned pod assigned to a node that is gone, deleting', { pod: keyOf(pod), node: name });
        const said = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', nowMs: clock.now(), signal };
        if (isEnded(pod)) await remove(pod, signal);
        else await disruptPod(client, pod, { ...said, phase: 'Failed', gracePeriodSeconds: 0 });
      });
    }
  };

  const background = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(PERIOD_MS, signal).catch(() => undefined); // the conditions say why
      if (signal.aborted) return;
      try {
        const go = (pod: V1Pod) => remove(pod, signal);
        await each(planTerminated(pods.list(), options.terminatedPodThreshold), go);
        await each(
          planOutOfService(pods.list(), (name) => nodes.get(name)),
          go,
        );
        await removeOrphans(signal);
        await each(planUnscheduled(pods.list()), go);
      } catch (error) {
        if (!isAbort(error, signal)) logger.error('Error collecting pods, will try again', { err: error });
      }
    }
  };

  return createController(context, {
    sources: [source(pods, () => undefined), source(nodes, () => undefined)],
    loops: [],
    background,
  });
}

function isEnded({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
