import { jobKind } from '../../api/batch/v1/job.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Job, V1JobStatus, V1Pod } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { selectorFromLabelSelector } from '../../api/machinery/label-selector.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { unlessReason } from '../../client/unless-reason.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { Component } from '../../std/lifecycle.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { claim, planClaims } from '../workloads/claims.ts';
import { ownedPods } from '../workloads/owned-pods.ts';
import { controllerOf, refersTo } from '../workloads/owner.ts';
import { OwnerQueue } from '../workloads/owner-queue.ts';
import { createPod, deletePod, inGrowingBatches } from '../workloads/pod-control.ts';
import { LOOK_AGAIN_MS, PodWrites } from '../workloads/pod-writes.ts';
import { backoffMs, FailureBackoff } from './failure-backoff.ts';
import { JobMetrics, type SyncAction } from './job-metrics.ts';
import { allFailuresBefore, isTracked, jobPod, TRACKING } from './job-pod.ts';
import { afterPass, liveStatus, MOST_UNCOUNTED, withCounted, withEnd, withUncounted } from './job-status.ts';
import {
  BURST,
  conditionIn,
  countJob,
  countRemaining,
  deadlineMs,
  endedAtMs,
  isFinished,
  type JobCount,
  type JobView,
  planPods,
} from './plan.ts';

const MANAGER = 'kubernetes.io/job-controller';

/** What one look at a Job did to its pods. */
interface Pass {
  readonly failure?: unknown;
  /** Until the next pod may be made. */
  readonly waitMs?: number;
  readonly created: number;
  readonly removed: readonly V1Pod[];
}

const NOTHING_DONE: Pass = { created: 0, removed: [] };

/** Runs Jobs to their end and counts each of their pods once (upstream's pkg/controller/job). */
export function createJobController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const jobs = informers.of<V1Job>(jobKind);
  const owned = ownedPods(informers);
  const podWrites = new PodWrites(clock, owned.pods);
  const jobWrites = new OwnWrites();
  const backoff = new FailureBackoff();
  const counts = metrics.own('job_controller', () => new JobMetrics());
  const loop = new Reconciler({
    name: context.name,
    reconcile,
    clock,
    logger,
    metrics,
    workers: options.workers,
    initialBackoffMs: 1000,
    maxBackoffMs: 600_000,
  });

  const orphans = new Reconciler({
    name: `${context.name}-orphans`,
    reconcile: releaseOrphan,
    clock,
    logger,
    metrics,
    workers: 1,
  });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const job = jobs.get(name, namespace);
    if (!job) return jobWrites.forget(key);
    const uid = job.metadata?.uid ?? '';
    if ((job.spec?.managedBy ?? MANAGER) !== MANAGER || jobWrites.isBehind(job)) return;
    if (isFinished(job)) return release(owned.of(uid), signal);
    const startMs = performance.now();
    const done: { action: SyncAction } = { action: 'reconciling' };
    try {
      const outcome = await sync(job, namespace, done, signal);
      counts.synced(job, done.action, false, (performance.now() - startMs) / 1000);
      return outcome;
    } catch (error) {
      counts.synced(job, done.action, true, (performance.now() - startMs) / 1000);
      throw error;
    }
  }

  /** @param done is told what was done, also when it fails */
  async function sync(job: V1Job, namespace: string, done: { action: SyncAction }, signal: AbortSignal): Promise<Outcome> {
    const uid = job.metadata?.uid ?? '';
    const selector = selectorFromLabelSelector(job.spec?.selector);
    // Before the pods are: what is shown only after they were read would be made twice.
    const mayWrite = podWrites.areSeen(uid);
    const claimed = await claim<V1Pod>(planClaims(job, selector, [...owned.of(uid), ...owned.orphans(namespace)]), {
      client,
      ownerKind: jobKind,
      owner: job,
      kind: podKind,
      signal,
      finalizers: [TRACKING],
    });
    if (!mayWrite) return { requeueAfterMs: LOOK_AGAIN_MS };
    const view: JobView = { job, pods: claimed, nowMs: clock.now() };
    const count = countJob(view);
    const { failure, waitMs, created, removed } = job.metadata?.deletionTimestamp
      ? NOTHING_DONE
      : await keepPods(view, count, signal);
    if (!job.metadata?.deletionTimestamp && !count.finish)
      done.action = created > 0 ? 'pods_created' : removed.length > 0 ? 'pods_deleted' : 'tracking';
    // What has just been made or told to go counts at once: nobody is to find a paused Job with active pods.
    const status = liveStatus(job, afterPass(count, created, removed), view.nowMs);
    tellSuspension(job, status);
    // What could not be told to go is neither counted nor let go yet.
    await account(job, status, view, failure === undefined ? countRemaining(view, count) : count, signal);
    if (failure !== undefined) throw failure;
    const dueMs = deadlineMs({ ...job, status });
    const waits = [waitMs, !count.finish && !job.spec?.suspend && dueMs !== undefined ? dueMs - clock.now() : undefined];
    const positive = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
    return positive.length > 0 ? { requeueAfterMs: Math.min(...positive) } : undefined;
  }

  async function keepPods(view: JobView, count: JobCount, signal: AbortSignal): Promise<Pass> {
    const { job, nowMs } = view;
    const control = { client, events, writes: podWrites, signal };
    const uid = job.metadata?.uid ?? '';
    const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
    // Also when nobody is to come now: who comes later waits for the failures of today.
    if (!perIndex) backoffNote(uid, count);
    const { create, remove } = count.finish ? { create: [], remove: count.active } : planPods(view, count);
    // Pods that end because there are too many of them, or for a pause, are no failures: nobody counts them.
    if (!count.finish) await release(remove, signal, uid);
    const results: PromiseSettledResult<void>[] = [];
    for (let at = 0; at < remove.length && !signal.aborted; at += BURST)
      results.push(...(await Promise.allSettled(remove.slice(at, at + BURST).map((pod) => deletePod(job, pod, control)))));
    const failure = results.find((result) => result.status === 'rejected')?.reason;
    const removed = remove.filter((_, i) => results[i]?.status === 'fulfilled');
    if (failure !== undefined || create.length === 0) return { failure, created: 0, removed };
    const failedBefore = (index: number | undefined) =>
      perIndex && index !== undefined ? count.awaitingReplacement.get(index) : undefined;
    const waiting = create.map((index) => {
      if (!perIndex) return backoff.waitMs(uid, nowMs);
      const failed = failedBefore(index);
      return failed ? backoffMs(allFailuresBefore(failed) + 1, endedAtMs(failed), nowMs) : 0;
    });
    const due = create.filter((_, i) => waiting[i] === 0);
    const { done: created, error } = await inGrowingBatches(due.length, (i) =>
      createPod(job, jobPod(job, due[i], failedBefore(due[i])), control),
    );
    const later = waiting.filter((ms) => ms > 0);
    return { failure: error, created, removed, ...(later.length > 0 && { waitMs: Math.min(...later) }) };
  }

  /** Pods whose end the back-off has heard of; they stay in view until they have been counted. */
  const heardOf = new Map<string, Set<string>>();

  function backoffNote(uid: string, count: JobCount): void {
    const heard = heardOf.get(uid) ?? new Set<string>();
    heardOf.set(uid, heard);
    const isNews = ({ metadata }: V1Pod) => !heard.has(metadata?.uid ?? '');
    backoff.note(uid, count.newSucceeded.filter(isNews), count.newFailed.filter(isNews));
    heard.clear();
    for (const { metadata } of [...count.newSucceeded, ...count.newFailed]) heard.add(metadata?.uid ?? '');
  }

  /**
   * Counts ended pods once, whatever happens in between: first the status names them, then their finalizer goes, then the counters grow
   * by those whose finalizer is gone.
   */
  async function account(job: V1Job, live: V1JobStatus, { pods }: JobView, count: JobCount, signal: AbortSignal): Promise<void> {
    const isEnding = count.finish !== undefined || job.metadata?.deletionTimestamp !== undefined;
    const kept = new Set<V1Pod>(isEnding ? [] : count.awaitingReplacement.values());
    const newSucceeded = count.newSucceeded.slice(0, MOST_UNCOUNTED);
    const failed = count.newFailed.filter((pod) => !kept.has(pod));
    const newFailed = failed.slice(0, MOST_UNCOUNTED);
    const named = withUncounted(live, { newSucceeded, newFailed }, count, job);
    let status = await write(job, named, signal);
    const uncounted = new Set([
      ...(status.uncountedTerminatedPods?.succeeded ?? []),
      ...(status.uncountedTerminatedPods?.failed ?? []),
    ]);
    // Without their names, pods that are let go would be counted never, and made again for ever.
    if (uncounted.size === 0 && Object.keys(named.uncountedTerminatedPods ?? {}).length > 0)
      throw new CodedError(
        'the API server does not keep status.uncountedTerminatedPods of Jobs, as Kubernetes 1.22 and newer do',
        {
          code: 'JOB_COUNTING_UNSUPPORTED',
        },
      );
    const byUid = new Map(pods.map((pod) => [pod.metadata?.uid ?? '', pod]));
    const inStatus = pods.filter((pod) => uncounted.has(pod.metadata?.uid ?? ''));
    const done = [...inStatus, ...newSucceeded, ...count.ignored.filter((pod) => !kept.has(pod))];
    await release(done, signal, job.metadata?.uid);
    if (uncounted.size > 0) {
      // What has no finalizer any more, or is gone, can be counted; others' finalizers have just been taken off.
      const released = new Set([
        ...inStatus.map((pod) => pod.metadata?.uid ?? ''),
        ...[...uncounted].filter((uid) => !byUid.has(uid)),
      ]);
      status = await write(
        job,
        withCounted(status, (uid) => released.has(uid)),
        signal,
      );
    }
    const isCounted =
      newSucceeded.length === count.newSucceeded.length &&
      newFailed.length === failed.length &&
      !status.uncountedTerminatedPods?.failed?.length;
    if (count.finish && count.active.length === 0 && count.terminating === 0 && isCounted) {
      const ended = await write(job, withEnd(status, count.finish, clock.now()), signal);
      tellEnd(job, ended);
    }
  }

  /** Takes the finalizer off, so that pods may go. Those that are gone already are fine. `jobUid`: whose pods it counts from then on. */
  async function release(pods: readonly V1Pod[], signal: AbortSignal, jobUid?: string): Promise<void> {
    for (const pod of pods.filter(isTracked)) {
      const { name = '', namespace, uid } = pod.metadata ?? {};
      const patch = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [TRACKING] } };
      // A conflict says nothing: others may have written too often for the server, and who is taken for released is counted.
      const patched = client.resource<V1Pod>(podKind, namespace).patch(name, patch, { type: 'strategic', signal });
      const released = await unlessReason(patched, 'NotFound');
      // Who is shown with the finalizer still is not to be counted once more.
      if (released && jobUid !== undefined) podWrites.written(jobUid, released);
    }
  }

  async function write(job: V1Job, status: V1JobStatus, signal: AbortSignal): Promise<V1JobStatus> {
    const wanted = JSON.parse(JSON.stringify(status)) as V1JobStatus;
    if (equalJson(wanted, latest(job).status ?? {})) return wanted;
    const resource = client.resource<V1Job>(jobKind, job.metadata?.namespace);
    const written = await resource.update({ ...latest(job), status: wanted }, { subresource: 'status', signal });
    counts.counted(job, latest(job).status, written.status ?? {});
    jobWrites.note(written);
    newest.set(job, written);
    return written.status ?? wanted;
  }

  /** What our own writes have made of a job since it was read. */
  const newest = new WeakMap<V1Job, V1Job>();
  const latest = (job: V1Job): V1Job => newest.get(job) ?? job;

  function tellSuspension(job: V1Job, status: V1JobStatus): void {
    const before = conditionIn(job, 'Suspended') !== undefined;
    const after = conditionIn({ ...job, status }, 'Suspended') !== undefined;
    if (!before && after) events.event(job, 'Normal', 'Suspended', 'Job suspended');
    if (before && !after) events.event(job, 'Normal', 'Resumed', 'Job resumed');
  }

  function tellEnd(job: V1Job, status: V1JobStatus): void {
    const failed = conditionIn({ ...job, status }, 'Failed');
    const reason = (failed ?? conditionIn({ ...job, status }, 'Complete'))?.reason ?? '';
    counts.finished(job, failed ? 'failed' : 'succeeded', reason);
    if (failed) {
      events.event(job, 'Warning', failed.reason ?? 'Failed', failed.message ?? '');
      return;
    }
    if ((status.succeeded ?? 0) > (job.spec?.completions ?? Number.POSITIVE_INFINITY))
      events.event(job, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached');
    events.event(job, 'Normal', 'Completed', 'Job completed');
  }

  const queue = new OwnerQueue<V1Job>({
    kind: jobKind,
    owners: jobs,
    selectorOf: ({ spec }) => selectorFromLabelSelector(spec?.selector),
    loop,
  });

  /** A pod that counts for a Job, and that no Job counts any more. */
  function lookForOrphan(pod: V1Pod): void {
    const reference = controllerOf(pod);
    if (reference && (!refersTo(jobKind, reference) || queue.ownerOf(pod))) return;
    if (isTracked(pod)) orphans.add(keyOf(pod));
  }

  /** A pod whose Job is gone, or has given it up: nobody will count it, and nobody else would let it go. */
  async function releaseOrphan(key: string, signal: AbortSignal): Promise<void> {
    const { namespace, name } = splitKey(key);
    const pod = owned.pods.get(name, namespace);
    if (!pod) return;
    const reference = controllerOf(pod);
    const isCared = reference
      ? !refersTo(jobKind, reference) || queue.ownerOf(pod) !== undefined
      : queue.selecting(pod).length > 0;
    if (!isCared) await release([pod], signal);
  }

  return createController(context, {
    sources: [
      source(jobs, (job, { type }) => {
        if (type !== 'deleted') return loop.add(keyOf(job));
        const uid = job.metadata?.uid ?? '';
        podWrites.forget(uid);
        heardOf.delete(uid);
        backoff.forget(uid);
        for (const pod of [...owned.of(uid), ...owned.orphans(job.metadata?.namespace ?? '')]) lookForOrphan(pod);
      }),
      source(owned.pods, (pod, change) => {
        queue.add(pod, change);
        if (change.type !== 'deleted' || controllerOf(pod)) lookForOrphan(pod);
      }),
    ],
    loops: [loop, orphans],
  });
}
