import { cronJobKind } from '../../api/batch/v1/cron-job.ts';
import { type CronSchedule, parseSchedule } from '../../api/batch/v1/cron-schedule.ts';
import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1CronJob, V1CronJobStatus, V1Job } from '../../api/gen/types.ts';
import { equalJson } from '../../api/machinery/clone.ts';
import { formatTime } from '../../api/machinery/object.ts';
import { type Outcome, Reconciler } from '../../client/reconciler.ts';
import { hasReason, isNamespaceTerminating, unlessReason } from '../../client/unless-reason.ts';
import type { Component } from '../../std/lifecycle.ts';
import { Histogram } from '../../std/metric.ts';
import { type ControllerContext, createController, keyOf, source, splitKey } from '../framework/controller.ts';
import { OwnWrites } from '../framework/own-writes.ts';
import { conditionIn } from '../job/plan.ts';
import { controllerOf, controllerReference, refersTo } from '../workloads/owner.ts';
import { ZoneClock } from './next-time.ts';
import { dueTime, isRunning, surplusJobs } from './plan.ts';

const SCHEDULED = 'batch.kubernetes.io/cronjob-scheduled-timestamp';
/** So that a start is surely due when we come to it. */
const LATER_MS = 100;

/** Starts Jobs by the clock (upstream's pkg/controller/cronjob). */
export function createCronJobController(context: ControllerContext, options: { readonly workers?: number } = {}): Component {
  const { client, informers, clock, logger, metrics, events } = context;
  const cronJobs = informers.of<V1CronJob>(cronJobKind);
  const jobs = informers.of<V1Job>(jobKind);
  informers.index(jobs, 'controller', (job) => [controllerOf(job)?.uid ?? '']);
  const writes = new OwnWrites();
  const skew = metrics.own(
    'cronjob_controller',
    () =>
      new Histogram(
        'cronjob_controller_job_creation_skew_duration_seconds',
        'Time between when a cronjob is scheduled to be run, and when the corresponding job is created',
        [],
        Array.from({ length: 10 }, (_, i) => 2 ** i),
      ),
  );
  const loop = new Reconciler({ name: context.name, reconcile, clock, logger, metrics, workers: options.workers });

  async function reconcile(key: string, signal: AbortSignal): Promise<Outcome> {
    const { namespace, name } = splitKey(key);
    const cronJob = cronJobs.get(name, namespace);
    if (!cronJob) return writes.forget(key);
    if (writes.isBehind(cronJob)) return;
    const own = jobs.byIndex('controller', cronJob.metadata?.uid ?? '');
    let failure: unknown;
    for (const job of surplusJobs(cronJob, own))
      await removeJob(cronJob, job, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        failure ??= error;
      });
    const outcome = await keepSchedule(cronJob, own, signal);
    if (failure === undefined) return outcome;
    // A Job that is not let go must not keep others from being started in time.
    if (outcome) loop.addAt(key, outcome.requeueAtMs);
    throw failure;
  }

  async function keepSchedule(
    cronJob: V1CronJob,
    own: readonly V1Job[],
    signal: AbortSignal,
  ): Promise<{ readonly requeueAtMs: number } | undefined> {
    const status = await lookAfterActive(cronJob, own, signal);
    if (cronJob.metadata?.deletionTimestamp || !hasKnownZone(cronJob) || cronJob.spec?.suspend)
      return writeStatus(cronJob, status, signal);
    const read = readSchedule(cronJob);
    if (!read) return writeStatus(cronJob, status, signal);
    const nowMs = clock.now();
    const due = dueTime(cronJob, read.schedule, read.zone, nowMs);
    if (due.neverComes) {
      const message = `invalid schedule: ${cronJob.spec?.schedule} : time difference between two schedules is less than 1 second`;
      events.event(cronJob, 'Warning', 'InvalidSchedule', message);
      return writeStatus(cronJob, status, signal);
    }
    if (due.missedMany) {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      events.event(cronJob, 'Warning', 'TooManyMissedTimes', message);
    }
    const next = due.nextMs === undefined ? undefined : { requeueAtMs: Math.max(nowMs, due.nextMs) + LATER_MS };
    const started = due.scheduledMs === undefined ? status : await start(cronJob, status, due.scheduledMs, read.zone, signal);
    await writeStatus(cronJob, started, signal);
    return next;
  }

  /** What the status says is running, set right by the jobs that there are. */
  async function lookAfterActive(cronJob: V1CronJob, own: readonly V1Job[], signal: AbortSignal): Promise<V1CronJobStatus> {
    const active = new Map((cronJob.status?.active ?? []).map((reference) => [reference.uid, reference]));
    let { lastSuccessfulTime } = cronJob.status ?? {};
    for (const job of own) {
      const { name, uid } = job.metadata ?? {};
      const isListed = active.has(uid);
      if (isRunning(job)) {
        if (!isListed)
          events.event(cronJob, 'Warning', 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`);
        continue;
      }
      const type = conditionIn(job, 'Complete') ? 'Complete' : 'Failed';
      // Those count as well that users start in its name (kubectl create job --from).
      const ended = job.status?.completionTime;
      if (type === 'Complete' && ended && String(ended) > String(lastSuccessfulTime ?? '')) lastSuccessfulTime = ended;
      if (!isListed) continue;
      active.delete(uid);
      events.event(cronJob, 'Normal', 'SawCompletedJob', `Saw completed job: ${name}, condition: ${type}`);
    }
    const known = new Set(own.map(({ metadata }) => metadata?.uid));
    for (const { name = '', uid } of [...active.values()]) {
      if (known.has(uid)) continue;
      // The informer may not show it yet: the server knows.
      const found = await unlessReason(
        client.resource<V1Job>(jobKind, cronJob.metadata?.namespace).get(name, { signal }),
        'NotFound',
      );
      if (found?.metadata?.uid === uid) continue;
      events.event(cronJob, 'Normal', 'MissingJob', `Active job went missing: ${name}`);
      active.delete(uid);
    }
    return {
      ...cronJob.status,
      active: active.size > 0 ? [...active.values()] : undefined,
      ...(lastSuccessfulTime && { lastSuccessfulTime }),
    };
  }

  function hasKnownZone(cronJob: V1CronJob): boolean {
    const { timeZone } = cronJob.spec ?? {};
    if (timeZone === undefined || isZone(timeZone)) return true;
    const message = `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`;
    events.event(cronJob, 'Warning', 'UnknownTimeZone', message);
    return false;
  }

  function readSchedule(cronJob: V1CronJob): { schedule: CronSchedule; zone: ZoneClock } | undefined {
    const { schedule = '', timeZone } = cronJob.spec ?? {};
    try {
      const parsed = parseSchedule(schedule, isZone);
      if (parsed.zone !== undefined) {
        const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`;
        events.event(cronJob, 'Warning', 'UnsupportedSchedule', message);
      }
      const zone = new ZoneClock(timeZone ?? parsed.zone);
      return { schedule: parsed, zone };
    } catch (error) {
      const message = `unparseable schedule: ${JSON.stringify(schedule)} : ${(error as Error).message}`;
      events.event(cronJob, 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
  }

  async function start(
    cronJob: V1CronJob,
    status: V1CronJobStatus,
    scheduledMs: number,
    zone: ZoneClock,
    signal: AbortSignal,
  ): Promise<V1CronJobStatus> {
    const { namespace, name } = cronJob.metadata ?? {};
    const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec ?? {};
    if (startingDeadlineSeconds !== undefined && scheduledMs + startingDeadlineSeconds * 1000 < clock.now()) {
      events.event(
        cronJob,
        'Warning',
        'MissSchedule',
        `Missed scheduled time to start a job: ${new Date(scheduledMs).toUTCString().replace('GMT', '+0000')}`,
      );
      return status;
    }
    const jobName = `${name}-${Math.floor(scheduledMs / 60_000)}`;
    const isDone = status.lastScheduleTime !== undefined && Date.parse(String(status.lastScheduleTime)) === scheduledMs;
    if (isDone || status.active?.some((reference) => reference.name === jobName)) return status;
    if (concurrencyPolicy === 'Forbid' && (status.active?.length ?? 0) > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      events.event(cronJob, 'Normal', 'JobAlreadyActive', message);
      return status;
    }
    let active = status.active ?? [];
    if (concurrencyPolicy === 'Replace')
      for (const reference of active) {
        await removeJob(cronJob, { metadata: reference }, signal);
        active = active.filter((one) => one !== reference);
      }
    const scheduled = cronJob.spec?.timeZone ? zone.format(scheduledMs) : formatTime(scheduledMs);
    const job = await createJob(cronJob, jobName, { scheduled, scheduledMs }, signal);
    if (!job) return { ...status, active: active.length > 0 ? active : undefined };
    const { uid, resourceVersion } = job.metadata ?? {};
    const reference = { apiVersion: 'batch/v1', kind: 'Job', name: jobName, namespace, uid, resourceVersion };
    return { ...status, active: [...active, reference], lastScheduleTime: formatTime(scheduledMs) as never };
  }

  async function createJob(
    cronJob: V1CronJob,
    name: string,
    { scheduled, scheduledMs }: { readonly scheduled: string; readonly scheduledMs: number },
    signal: AbortSignal,
  ): Promise<V1Job | undefined> {
    const template = cronJob.spec?.jobTemplate;
    const resource = client.resource<V1Job>(jobKind, cronJob.metadata?.namespace);
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        namespace: cronJob.metadata?.namespace,
        ...(template?.metadata?.labels && { labels: { ...template.metadata.labels } }),
        annotations: { ...template?.metadata?.annotations, [SCHEDULED]: scheduled },
        ownerReferences: [controllerReference(cronJobKind, cronJob)],
      },
      spec: structuredClone(template?.spec),
    } as unknown as V1Job;
    try {
      const created = await resource.create(job, { signal });
      skew.observe((Date.parse(String(created.metadata?.creationTimestamp)) - scheduledMs) / 1000);
      events.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
      return created;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (hasReason(error, 'AlreadyExists')) {
        const found = await resource.get(name, { signal });
        // Made before our last status was written; or by somebody else, whose affair it is then.
        return controllerOf(found)?.uid === cronJob.metadata?.uid ? found : undefined;
      }
      if (!signal.aborted) events.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }

  async function removeJob(cronJob: V1CronJob, job: Pick<V1Job, 'metadata'>, signal: AbortSignal): Promise<void> {
    const { name = '', uid } = job.metadata ?? {};
    const deleted = client
      .resource<V1Job>(jobKind, cronJob.metadata?.namespace)
      .delete(name, { propagationPolicy: 'Background', preconditions: { uid }, signal });
    try {
      if (await unlessReason(deleted, 'NotFound', 'Conflict'))
        events.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (!signal.aborted) events.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
      throw error;
    }
  }

  async function writeStatus(cronJob: V1CronJob, status: V1CronJobStatus, signal: AbortSignal): Promise<undefined> {
    const wanted = JSON.parse(JSON.stringify(status)) as V1CronJobStatus;
    if (equalJson(wanted, cronJob.status ?? {})) return;
    const resource = client.resource<V1CronJob>(cronJobKind, cronJob.metadata?.namespace);
    writes.note(await resource.update({ ...cronJob, status: wanted }, { subresource: 'status', signal }));
  }

  return createController(context, {
    sources: [
      source(cronJobs, (cronJob) => loop.add(keyOf(cronJob))),
      source(jobs, (job, { type, previous }) => {
        if (type === 'updated' && previous && isRunning(previous) === isRunning(job)) return;
        const reference = controllerOf(job);
        const cronJob = reference && refersTo(cronJobKind, reference) && cronJobs.get(reference.name, job.metadata?.namespace);
        if (cronJob) loop.add(keyOf(cronJob));
      }),
    ],
    loops: [loop],
  });
}

function isZone(name: string): boolean {
  try {
    new ZoneClock(name);
    return true;
  } catch {
    return false; // RangeError: there is no such zone
  }
}
