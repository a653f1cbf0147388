import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronJobKind } from '../../api/batch/v1/cron-job.ts';
import { jobKind } from '../../api/batch/v1/job.ts';
import type { V1CronJob, V1Job } from '../../api/gen/types.ts';
import { type ControllerRun, runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createTtlAfterFinishedController } from '../ttlafterfinished/controller.ts';
import { createCronJobController } from './controller.ts';

const MINUTE_MS = 60_000;
const nightly = (spec: object = {}) =>
  ({
    metadata: { name: 'cron', namespace: 'a', uid: 'c', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      schedule: '* * * * *',
      timeZone: 'Etc/UTC',
      concurrencyPolicy: 'Allow',
      successfulJobsHistoryLimit: 2,
      failedJobsHistoryLimit: 1,
      jobTemplate: { metadata: { labels: { app: 'x' } }, spec: { template: { spec: { containers: [] } } } },
      ...spec,
    },
  }) as unknown as V1CronJob;
const jobs = (cluster: TestingCluster) => cluster.list<V1Job>(jobKind);
const names = (cluster: TestingCluster) =>
  jobs(cluster)
    .map(({ metadata }) => metadata?.name)
    .sort();
const status = (cluster: TestingCluster) => cluster.get<V1CronJob>(cronJobKind, 'cron', 'a')?.status;
const first = Date.parse('2026-01-01T00:01:00Z') / MINUTE_MS;

async function finish(run: ControllerRun, name: string, type = 'Complete'): Promise<void> {
  const now = new Date(run.cluster.clock.now()).toISOString();
  const job = run.cluster.get<V1Job>(jobKind, name, 'a')!;
  const conditions = [{ type, status: 'True', lastTransitionTime: now }];
  run.cluster.put(jobKind, { ...job, status: { startTime: now, completionTime: now, conditions } } as unknown as V1Job);
  await run.settle();
}

async function start(spec: object = {}): Promise<ControllerRun> {
  const run = await runController(createCronJobController);
  run.cluster.put(cronJobKind, nightly(spec));
  await run.settle();
  return run;
}

test('a Job is started at each time, named by it, and kept in the status while it runs', async () => {
  await using run = await start();
  const { cluster } = run;
  assert.deepEqual(names(cluster), []);
  await run.settle(MINUTE_MS + 200);
  assert.deepEqual(names(cluster), [`cron-${first}`]);
  assert.equal(
    jobs(cluster)[0]?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'],
    '2026-01-01T00:01:00Z',
  );
  assert.equal(status(cluster)?.active?.[0]?.name, `cron-${first}`);
  await finish(run, `cron-${first}`);
  assert.equal(status(cluster)?.active, undefined);
  assert.ok(status(cluster)?.lastSuccessfulTime);
  for (let i = 1; i <= 3; i++) {
    await run.settle(MINUTE_MS);
    await finish(run, `cron-${first + i}`);
  }
  assert.deepEqual(names(cluster), [`cron-${first + 2}`, `cron-${first + 3}`], 'only so many are kept');
  assert.match(run.metrics.ownText(), /^cronjob_controller_job_creation_skew_duration_seconds_count 4$/m);
  assert.match(run.metrics.ownText(), /^cronjob_controller_job_creation_skew_duration_seconds_bucket\{le="1"\} 4$/m);
});

test('Forbid waits for the one that runs, Replace ends it', async () => {
  await using forbidding = await start({ concurrencyPolicy: 'Forbid' });
  await forbidding.settle(MINUTE_MS + 200);
  await forbidding.settle(MINUTE_MS);
  assert.deepEqual(names(forbidding.cluster), [`cron-${first}`]);
  assert.ok(forbidding.events.includes('cron JobAlreadyActive'));
  await using replacing = await start({ concurrencyPolicy: 'Replace' });
  await replacing.settle(MINUTE_MS + 200);
  await replacing.settle(MINUTE_MS);
  assert.deepEqual(names(replacing.cluster), [`cron-${first + 1}`]);
});

test('a suspended one starts nothing, and an unknown time zone is told', async () => {
  await using run = await start({ suspend: true });
  await run.settle(5 * MINUTE_MS);
  assert.deepEqual(names(run.cluster), []);
  await using lost = await start({ timeZone: 'Mars/Olympus' });
  assert.ok(lost.events.includes('cron UnknownTimeZone'));
  await using both = await start({ timeZone: 'Mars/Olympus', suspend: true });
  assert.ok(both.events.includes('cron UnknownTimeZone'), 'of a suspended one as well');
});

test('a schedule of which no time comes is told', async () => {
  await using run = await start({ schedule: '59 23 31 2 *' });
  assert.ok(run.events.includes('cron InvalidSchedule'));
  await using suspended = await start({ schedule: '59 23 31 2 *', suspend: true });
  assert.ok(!suspended.events.includes('cron InvalidSchedule'));
});

test("a Job says in the schedule's own zone when it was due, and a zone in the schedule itself is told", async () => {
  await using run = await start({ timeZone: 'Asia/Kolkata' });
  await run.settle(MINUTE_MS + 200);
  const scheduled = jobs(run.cluster)[0]?.metadata?.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'];
  assert.equal(scheduled, '2026-01-01T05:31:00+05:30');
  await using zoned = await start({ timeZone: undefined, schedule: 'CRON_TZ=Asia/Kolkata * * * * *' });
  assert.ok(zoned.events.includes('cron UnsupportedSchedule'));
});

test('an interval goes on from the last start, however often there is something else to look at', async () => {
  await using run = await start({ schedule: '@every 10m' });
  const { cluster } = run;
  await run.settle(10 * MINUTE_MS + 200);
  const name = `cron-${first + 9}`;
  assert.deepEqual(names(cluster), [name]);
  await run.settle(4 * MINUTE_MS);
  await finish(run, name);
  await run.settle(6 * MINUTE_MS);
  assert.deepEqual(names(cluster), [name, `cron-${first + 19}`]);
});

test('a Job that a user started in its name counts as its last success', async () => {
  await using run = await start({ suspend: true });
  const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'CronJob', name: 'cron', uid: 'c', controller: true }];
  const metadata = { name: 'by-hand', namespace: 'a', ownerReferences };
  run.cluster.put(jobKind, { metadata } as V1Job);
  await run.settle();
  assert.ok(run.events.includes('cron UnexpectedJob'));
  await finish(run, 'by-hand');
  assert.ok(status(run.cluster)?.lastSuccessfulTime);
});

test('a Job that was made before the status could be written is not made twice', async () => {
  await using run = await start();
  const { cluster } = run;
  let left = 1;
  cluster.beforeWrite = ({ verb, resource }) => {
    if (verb === 'update' && resource === 'cronjobs' && left-- > 0) throw new Error('the server is away');
  };
  await run.settle(MINUTE_MS + 200);
  await run.settle(1000);
  assert.deepEqual(names(cluster), [`cron-${first}`]);
  assert.equal(status(cluster)?.active?.length, 1);
});

test('a Job of somebody else that has the name is left to them, and the next one comes in its time', async () => {
  await using run = await start();
  const { cluster } = run;
  cluster.put(jobKind, { metadata: { name: `cron-${first}`, namespace: 'a' } } as V1Job);
  await run.settle(MINUTE_MS + 200);
  assert.equal(status(cluster)?.active, undefined);
  assert.ok(!run.events.includes('cron FailedCreate'));
  assert.equal(cluster.sent('create', 'jobs').length, 1, 'it is not tried again and again');
  await run.settle(MINUTE_MS);
  assert.deepEqual(names(cluster), [`cron-${first}`, `cron-${first + 1}`]);
});

test('a Job that cannot be deleted is told', async () => {
  await using run = await start({ concurrencyPolicy: 'Replace' });
  await run.settle(MINUTE_MS + 200);
  run.cluster.beforeWrite = ({ verb, resource }) => {
    if (verb === 'delete' && resource === 'jobs') throw new Error('the server is away');
  };
  await run.settle(MINUTE_MS);
  const told = run.events.indexOf('cron FailedDelete');
  assert.equal(run.messages[told], 'Deleted job: the server is away');
  assert.deepEqual(names(run.cluster), [`cron-${first}`]);
});

test('an old Job that cannot be deleted keeps the next from nothing', async () => {
  await using run = await start({ successfulJobsHistoryLimit: 0 });
  const { cluster } = run;
  await run.settle(MINUTE_MS + 200);
  cluster.beforeWrite = ({ verb, resource }) => {
    if (verb === 'delete' && resource === 'jobs') throw new Error('no');
  };
  await finish(run, `cron-${first}`);
  for (let i = 1; i <= 20; i++) {
    await run.settle(MINUTE_MS);
    assert.ok(names(cluster).includes(`cron-${first + i}`), `after ${i} minutes`);
  }
  cluster.beforeWrite = () => undefined;
  await run.settle(MINUTE_MS);
  assert.ok(!names(cluster).includes(`cron-${first}`));
});

test('an ended Job goes when its time is over, and stays when its time was changed meanwhile', async () => {
  await using run = await runController(createTtlAfterFinishedController);
  const { cluster } = run;
  const ended = (name: string, ttlSecondsAfterFinished?: number) => {
    const conditions = [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
    cluster.put(jobKind, {
      metadata: { name, namespace: 'a' },
      spec: { ttlSecondsAfterFinished },
      status: { conditions },
    } as never);
  };
  ended('soon', 10);
  ended('never');
  await run.settle(5000);
  assert.deepEqual(names(cluster), ['never', 'soon']);
  ended('soon', 30);
  await run.settle(10_000);
  assert.deepEqual(names(cluster), ['never', 'soon']);
  await run.settle(20_000);
  const soon = cluster.get<V1Job>(jobKind, 'soon', 'a');
  assert.ok(!soon || soon.metadata?.deletionTimestamp);
  assert.ok(cluster.get(jobKind, 'never', 'a'));
});
