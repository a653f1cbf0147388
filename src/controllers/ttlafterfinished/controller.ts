import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1Job } from '../../api/gen/types.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { conditionIn } from '../job/plan.ts';

/** When a Job is to be deleted; undefined: not by us. */
export function expiresAtMs(job: V1Job): number | undefined {
  const seconds = job.spec?.ttlSecondsAfterFinished;
  const ended = conditionIn(job, 'Complete') ?? conditionIn(job, 'Failed');
  if (seconds === undefined || !ended?.lastTransitionTime || job.metadata?.deletionTimestamp) return undefined;
  return Date.parse(String(ended.lastTransitionTime)) + seconds * 1000;
}

/** Deletes ended Jobs with their pods when their time is over (upstream's pkg/controller/ttlafterfinished). */
export function createTtlAfterFinishedController(
  context: ControllerContext,
  options: { readonly workers?: number } = {},
): Component {
  const { client, informers, clock, logger, metrics } = context;
  const jobs = informers.of<V1Job>(jobKind);
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const job = jobs.get(name, namespace);
    const dueMs = job && expiresAtMs(job);
    if (dueMs === undefined) return;
    if (dueMs > clock.now()) return { requeueAtMs: dueMs };
    const resource = client.resource<V1Job>(jobKind, namespace);
    // Its time may have been changed since we read it.
    const fresh = await unlessReason(resource.get(name, { signal }), 'NotFound');
    const freshMs = fresh && expiresAtMs(fresh);
    if (freshMs === undefined) return;
    if (freshMs > clock.now()) return { requeueAtMs: freshMs };
    const { uid, resourceVersion } = fresh?.metadata ?? {};
    logger.info('Cleaning up Job', { job: key });
    const deleted = resource.delete(name, { propagationPolicy: 'Foreground', preconditions: { uid, resourceVersion }, signal });
    await unlessReason(deleted, 'NotFound');
  }

  return createController(context, {
    sources: [
      source(jobs, (job, { type }) => {
        if (type !== 'deleted' && expiresAtMs(job) !== undefined) loop.add(keyOf(job));
      }),
    ],
    loops: [loop],
  });
}
