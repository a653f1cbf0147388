import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobKind } from '../../api/batch/v1/job.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Job, V1Pod } from '../../api/gen/types.ts';
import { type ControllerRun, runController, serverError, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createJobController } from './controller.ts';
import { indexOf, isTracked, jobPod, prefixWith } from './job-pod.ts';

const work = (spec: object = {}) =>
  ({
    metadata: { name: 'work', namespace: 'a', uid: 'j', generation: 1 },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 6,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'j' } },
      template: {
        metadata: { labels: { 'batch.kubernetes.io/controller-uid': 'j' } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
      },
      ...spec,
    },
  }) as unknown as V1Job;
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const active = (cluster: TestingCluster) =>
  pods(cluster).filter(({ status }) => !['Succeeded', 'Failed'].includes(status?.phase ?? ''));
const job = (cluster: TestingCluster) => cluster.get<V1Job>(jobKind, 'work', 'a')!;
const reasonOf = (cluster: TestingCluster, type: string) =>
  job(cluster).status?.conditions?.find((c) => c.type === type && c.status === 'True')?.reason;

/** Ends a pod as its kubelet would. */
async function end(run: ControllerRun, pod: V1Pod, exitCode: number): Promise<void> {
  const finishedAt = new Date(run.cluster.clock.now()).toISOString();
  run.cluster.put(podKind, {
    ...pod,
    status: {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      containerStatuses: [{ name: 'c', state: { terminated: { exitCode, finishedAt } } }],
    },
  } as unknown as V1Pod);
  await run.settle();
}

async function start(spec: object): Promise<ControllerRun> {
  const run = await runController(createJobController);
  run.cluster.put(jobKind, work(spec));
  await run.settle();
  return run;
}

test('a Job runs as many pods at a time as it says, until enough have succeeded', async () => {
  await using run = await start({ parallelism: 2, completions: 3 });
  const { cluster } = run;
  assert.equal(active(cluster).length, 2);
  assert.ok(pods(cluster).every(isTracked));
  for (let i = 0; i < 3; i++) await end(run, active(cluster)[0]!, 0);
  assert.equal(active(cluster).length, 0);
  assert.equal(reasonOf(cluster, 'Complete'), 'CompletionsReached');
  const { succeeded, uncountedTerminatedPods, completionTime, active: left } = job(cluster).status!;
  assert.deepEqual([succeeded, uncountedTerminatedPods, left], [3, {}, undefined]);
  assert.ok(completionTime);
  assert.ok(!pods(cluster).some(isTracked), 'ended pods may be deleted');
  assert.ok(run.events.includes('work Completed'));
  const text = run.metrics.ownText();
  const mode = 'completion_mode="NonIndexed"';
  for (const line of [
    `job_controller_jobs_finished_total{${mode},result="succeeded",reason="CompletionsReached"} 1`,
    `job_controller_job_pods_finished_total{${mode},result="succeeded"} 3`,
  ])
    assert.ok(text.split('\n').includes(line), `${line} in ${text}`);
  assert.match(
    text,
    /^job_controller_job_syncs_total\{completion_mode="NonIndexed",result="success",action="pods_created"\} [1-9]/m,
  );
  assert.match(text, /^job_controller_job_syncs_total\{completion_mode="NonIndexed",result="success",action="tracking"\} [1-9]/m);
});

test('where the server forgets which pods have ended, none is let go and none is made in its place', async () => {
  const run = await runController(createJobController);
  await using _ = run;
  const { cluster } = run;
  cluster.prune = (object) => {
    delete (object as unknown as V1Job).status?.uncountedTerminatedPods;
  };
  cluster.put(jobKind, work());
  await run.settle();
  await end(run, active(cluster)[0]!, 0);
  await run.settle(600_000);
  assert.equal(pods(cluster).length, 1);
  assert.ok(pods(cluster).every(isTracked));
});

test('failed pods are replaced more and more slowly, and the Job fails beyond its limit', async () => {
  await using run = await start({ backoffLimit: 1 });
  const { cluster } = run;
  await end(run, active(cluster)[0]!, 1);
  assert.equal(active(cluster).length, 0, 'it waits');
  await run.settle(10_500);
  assert.equal(active(cluster).length, 1);
  await end(run, active(cluster)[0]!, 1);
  assert.equal(reasonOf(cluster, 'Failed'), 'BackoffLimitExceeded');
  assert.equal(job(cluster).status?.failed, 2);
  await run.settle(600_000);
  assert.equal(active(cluster).length, 0);
});

test('each index runs once, knows its number, and the status tells which are done', async () => {
  await using run = await start({ completionMode: 'Indexed', parallelism: 3, completions: 4 });
  const { cluster } = run;
  assert.deepEqual(active(cluster).map(indexOf).sort(), [0, 1, 2]);
  const [pod] = active(cluster);
  assert.equal(pod?.spec?.hostname, 'work-0');
  assert.equal(pod?.spec?.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX');
  for (const index of [0, 2, 1]) await end(run, active(cluster).find((p) => indexOf(p) === index)!, 0);
  assert.equal(job(cluster).status?.completedIndexes, '0-2');
  await end(run, active(cluster)[0]!, 0);
  assert.equal(job(cluster).status?.completedIndexes, '0-3');
  assert.equal(reasonOf(cluster, 'Complete'), 'CompletionsReached');
});

test('with a limit for each index one that fails too often leaves the others alone, and the Job fails in the end', async () => {
  await using run = await start({
    completionMode: 'Indexed',
    parallelism: 2,
    completions: 2,
    backoffLimitPerIndex: 1,
    backoffLimit: 100,
  });
  const { cluster } = run;
  const first = () => active(cluster).find((p) => indexOf(p) === 0);
  await end(run, first()!, 1);
  await run.settle(10_500);
  assert.equal(first()?.metadata?.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1');
  await end(run, first()!, 1);
  await run.settle(60_000);
  assert.equal(first(), undefined);
  assert.equal(job(cluster).status?.failedIndexes, '0');
  assert.equal(reasonOf(cluster, 'Failed'), undefined, 'the other index still runs');
  await end(run, active(cluster)[0]!, 0);
  assert.equal(reasonOf(cluster, 'Failed'), 'FailedIndexes');
  assert.deepEqual([job(cluster).status?.succeeded, job(cluster).status?.failed], [1, 2]);
});

test('a failure policy may end the Job at once or look away', async () => {
  const rule = (action: string, values: number[]) => ({ action, onExitCodes: { operator: 'In', values } });
  const podFailurePolicy = { rules: [rule('Ignore', [3]), rule('FailJob', [42])] };
  await using run = await start({ backoffLimit: 0, podFailurePolicy, podReplacementPolicy: 'Failed' });
  const { cluster } = run;
  await end(run, active(cluster)[0]!, 3);
  await run.settle(1000);
  assert.equal(active(cluster).length, 1, 'an ignored failure is replaced and not counted');
  assert.equal(job(cluster).status?.failed, undefined);
  const doomed = active(cluster)[0]!;
  await end(run, doomed, 42);
  const failed = job(cluster).status?.conditions?.find(({ type }) => type === 'Failed');
  assert.equal(failed?.reason, 'PodFailurePolicy');
  assert.equal(
    failed?.message,
    `Container c for pod a/${doomed.metadata?.name} failed with exit code 42 matching FailJob rule at index 1`,
  );
});

test('a success policy ends the Job before all indexes are done, and what still runs is taken down', async () => {
  const successPolicy = { rules: [{ succeededIndexes: '1' }] };
  await using run = await start({ completionMode: 'Indexed', parallelism: 3, completions: 3, successPolicy });
  const { cluster } = run;
  await end(run, active(cluster).find((p) => indexOf(p) === 1)!, 0);
  assert.equal(reasonOf(cluster, 'SuccessCriteriaMet'), 'SuccessPolicy');
  for (const pod of pods(cluster).filter(({ metadata }) => metadata?.deletionTimestamp)) await end(run, pod, 143);
  await run.settle();
  assert.equal(reasonOf(cluster, 'Complete'), 'SuccessPolicy');
  assert.equal(active(cluster).length, 0);
  assert.deepEqual([job(cluster).status?.succeeded, job(cluster).status?.failed], [1, undefined], 'nobody failed');
});

test('what still runs when a Job fails counts as failed at once, whatever becomes of it', async () => {
  const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] };
  await using run = await start({ parallelism: 3, completions: 3, podFailurePolicy, podReplacementPolicy: 'Failed' });
  const { cluster } = run;
  await end(run, active(cluster)[0]!, 42);
  assert.equal(job(cluster).status?.failed, 3);
  assert.equal(pods(cluster).some(isTracked), false);
});

test('pods of a Job that is being deleted are let go, though they never end', async () => {
  await using run = await start({ podReplacementPolicy: 'Failed' });
  const { cluster } = run;
  const metadata = { ...job(cluster).metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['foregroundDeletion'] };
  cluster.put(jobKind, { ...job(cluster), metadata } as unknown as V1Job);
  await run.settle();
  assert.equal(pods(cluster).some(isTracked), false);
  assert.equal(job(cluster).status?.failed, undefined);
});

test('failures that a policy ignores keep the count of their index, and make its next pod wait longer', async () => {
  const podFailurePolicy = { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [3] } }] };
  const spec = { completionMode: 'Indexed', backoffLimitPerIndex: 1, podFailurePolicy, podReplacementPolicy: 'Failed' };
  await using run = await start(spec);
  const { cluster } = run;
  const counts = () => {
    const { annotations = {} } = active(cluster)[0]?.metadata ?? {};
    return ['job-index-failure-count', 'job-index-ignored-failure-count'].map(
      (name) => annotations[`batch.kubernetes.io/${name}`],
    );
  };
  await end(run, active(cluster)[0]!, 1);
  await run.settle(10_500);
  assert.deepEqual(counts(), ['1', undefined]);
  await end(run, active(cluster)[0]!, 3);
  await run.settle(15_000);
  assert.equal(active(cluster).length, 0, 'the second failure waits 20 s');
  await run.settle(10_000);
  assert.deepEqual(counts(), ['1', '1']);
  assert.equal(job(cluster).status?.failed, 1);
  await end(run, active(cluster)[0]!, 1);
  assert.equal(job(cluster).status?.failedIndexes, '0', 'this one was the second that counts');
});

test('pods that a Job has given up, or left behind, are let go', async () => {
  await using run = await start({ parallelism: 2, completions: 2 });
  const { cluster } = run;
  const [first, second] = active(cluster);
  cluster.put(podKind, { ...first!, metadata: { ...first!.metadata, labels: {} } });
  await run.settle();
  const given = cluster.get<V1Pod>(podKind, first!.metadata!.name!, 'a')!;
  assert.equal(isTracked(given), false);
  assert.deepEqual(given.metadata?.ownerReferences ?? [], []);
  // As the garbage collector does for who deletes a Job and not its pods.
  const leaving = { ...job(cluster).metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['orphan'] };
  cluster.put(jobKind, { ...job(cluster), metadata: leaving } as unknown as V1Job);
  const { ownerReferences: _, ...left } = second!.metadata!;
  cluster.put(podKind, { ...second!, metadata: left });
  await run.settle();
  cluster.remove(jobKind, 'work', 'a');
  await run.settle();
  assert.equal(isTracked(cluster.get<V1Pod>(podKind, second!.metadata!.name!, 'a')!), false);
});

test('a suspended Job has no pods, counts none of them as failed, and begins anew when it is resumed', async () => {
  await using run = await start({ parallelism: 2, completions: 2 });
  const { cluster } = run;
  const started = job(cluster).status?.startTime;
  cluster.put(jobKind, { ...work({ parallelism: 2, completions: 2, suspend: true }), status: job(cluster).status });
  await run.settle(5000);
  assert.equal(pods(cluster).length, 0);
  assert.equal(reasonOf(cluster, 'Suspended'), 'JobSuspended');
  assert.equal(job(cluster).status?.failed, undefined);
  assert.equal(job(cluster).status?.startTime, undefined, 'the server would refuse another while it runs');
  cluster.put(jobKind, { ...work({ parallelism: 2, completions: 2 }), status: job(cluster).status });
  await run.settle();
  assert.equal(active(cluster).length, 2);
  assert.notEqual(job(cluster).status?.startTime, started);
});

test('numbers in the status are those after pods were made or told to go, at the first write', async () => {
  await using run = await start({ parallelism: 2, completions: 2 });
  const { cluster } = run;
  const written = () =>
    cluster.requests.flatMap(({ verb, subresource, body }) =>
      verb === 'update' && subresource === 'status' ? [(body as V1Job).status!] : [],
    );
  assert.deepEqual([written()[0]?.active, written()[0]?.terminating], [2, 0]);
  for (const pod of active(cluster)) {
    const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    cluster.put(podKind, { ...pod, metadata: { ...pod.metadata, finalizers: ['example.com/held'] }, status: ready } as V1Pod);
  }
  await run.settle();
  assert.equal(job(cluster).status?.ready, 2);
  const before = written().length;
  cluster.put(jobKind, { ...work({ parallelism: 2, completions: 2, suspend: true }), status: job(cluster).status });
  await run.settle();
  const { conditions, active: left, ready, terminating } = written()[before]!;
  assert.equal(conditions?.[0]?.reason, 'JobSuspended');
  assert.deepEqual([left, ready, terminating], [undefined, 0, 2]);
});

test('a failure makes the next pod wait, though none is to come when it is seen', async () => {
  const policy = { podReplacementPolicy: 'Failed', completions: 2 };
  await using run = await start({ parallelism: 2, ...policy });
  const { cluster } = run;
  const [failing, leaving] = active(cluster);
  cluster.put(jobKind, { ...work({ parallelism: 1, ...policy }), status: job(cluster).status });
  const { deletionTimestamp } = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  cluster.put(podKind, { ...leaving!, metadata: { ...leaving!.metadata, deletionTimestamp } } as unknown as V1Pod);
  await run.settle();
  await end(run, failing!, 1);
  cluster.remove(podKind, leaving!.metadata!.name!, 'a');
  await run.settle(1000);
  assert.equal(job(cluster).status?.failed, 1);
  assert.equal(active(cluster).length, 0, 'it waits ten seconds after the failure');
  await run.settle(10_000);
  assert.equal(active(cluster).length, 1);
});

test('the pod of an index bears it in its name, however long that of the Job', () => {
  assert.equal(prefixWith('work', 7), 'work-7-');
  assert.equal(prefixWith('w'.repeat(63), 1234), `${'w'.repeat(52)}-1234-`);
});

test('a template that asks for the finalizer itself has it once', () => {
  const template = { metadata: { finalizers: ['batch.kubernetes.io/job-tracking', 'example.com/own'] } };
  assert.deepEqual(jobPod(work({ template }), undefined).metadata?.finalizers, template.metadata.finalizers);
});

test('a Job that takes too long fails, though nothing happens', async () => {
  await using run = await start({ activeDeadlineSeconds: 30 });
  await run.settle(31_000);
  assert.equal(reasonOf(run.cluster, 'FailureTarget'), 'DeadlineExceeded');
  assert.equal(active(run.cluster).filter(({ metadata }) => !metadata?.deletionTimestamp).length, 0);
});

test('a pod is counted once, whatever fails between naming it and counting it', async () => {
  for (const failing of ['patch pods', 'update jobs', 'second update jobs']) {
    await using run = await start({ parallelism: 1, completions: 2 });
    const { cluster } = run;
    let updates = 0;
    let left = 1;
    cluster.beforeWrite = ({ verb, resource }) => {
      if (verb === 'update' && resource === 'jobs') updates++;
      const hit =
        failing === `${verb} ${resource}` ||
        (failing === 'second update jobs' && verb === 'update' && resource === 'jobs' && updates === 2);
      if (hit && left-- > 0) throw serverError();
    };
    await end(run, active(cluster)[0]!, 0);
    await run.settle(5000);
    await run.settle(5000);
    assert.equal(job(cluster).status?.succeeded, 1, failing);
    assert.deepEqual(job(cluster).status?.uncountedTerminatedPods, {}, failing);
    assert.equal(active(cluster).length, 1, failing);
  }
});

test('pods of a Job that is gone are let go', async () => {
  await using run = await start({});
  const { cluster } = run;
  cluster.remove(jobKind, 'work', 'a');
  await run.settle();
  assert.ok(!pods(cluster).some(isTracked));
});
