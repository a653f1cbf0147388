import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Job, V1JobSpec, V1Pod } from '../../api/gen/types.ts';
import { COMPLETION_INDEX, TRACKING } from './job-pod.ts';
import { countJob, countRemaining, endedAtMs, planPods } from './plan.ts';

const NOW_MS = Date.parse('2026-03-01T00:00:00Z');

const job = (spec: object, status: object = {}): V1Job =>
  ({ metadata: { name: 'work' }, spec: { completions: 3, parallelism: 3, ...spec } as unknown as V1JobSpec, status }) as V1Job;

let made = 0;
const pod = (phase: string, index?: number, more: { metadata?: object; spec?: object; status?: object } = {}): V1Pod =>
  ({
    metadata: {
      name: `p${made}`,
      uid: `u${made++}`,
      finalizers: [TRACKING],
      creationTimestamp: '2026-02-28T23:00:00Z',
      ...(index !== undefined && { annotations: { [COMPLETION_INDEX]: String(index) } }),
      ...more.metadata,
    },
    spec: { ...more.spec },
    status: { phase, ...more.status },
  }) as unknown as V1Pod;

const indexed = (more: object = {}) => ({ completionMode: 'Indexed', backoffLimit: 2 ** 31 - 1, ...more });
const restarted = (restartCount: number, metadata: object = {}) =>
  pod('Running', undefined, { metadata, status: { containerStatuses: [{ name: 'c', restartCount }] } });
const onFailure = { template: { spec: { restartPolicy: 'OnFailure', containers: [] } } };

const ENDS: readonly { title: string; job: V1Job; pods: V1Pod[]; reason: string | undefined }[] = [
  {
    title: 'a limit that was lowered below what has failed already',
    job: job({ backoffLimit: 1 }, { failed: 2 }),
    pods: [pod('Running')],
    reason: 'BackoffLimitExceeded',
  },
  { title: 'as many failures as the limit', job: job({ backoffLimit: 2 }, { failed: 2 }), pods: [], reason: undefined },
  {
    title: 'restarts in a pod that is being deleted',
    job: job({ backoffLimit: 3, ...onFailure }),
    pods: [restarted(1), restarted(2, { deletionTimestamp: '2026-03-01T00:00:00Z' })],
    reason: 'BackoffLimitExceeded',
  },
  {
    title: 'the last index fails while the success policy would hold as well',
    job: job(indexed({ completions: 2, backoffLimitPerIndex: 0, successPolicy: { rules: [{ succeededIndexes: '0' }] } })),
    pods: [pod('Succeeded', 0), pod('Failed', 1)],
    reason: 'FailedIndexes',
  },
  {
    title: 'an index fails while the success policy holds and others run',
    job: job(indexed({ backoffLimitPerIndex: 0, successPolicy: { rules: [{ succeededCount: 1 }] } })),
    pods: [pod('Succeeded', 0), pod('Failed', 1), pod('Running', 2)],
    reason: 'SuccessPolicy',
  },
  {
    title: 'success that was told goes before a failure that was told',
    job: job(
      {},
      {
        conditions: [
          { type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded' },
          { type: 'SuccessCriteriaMet', status: 'True', reason: 'CompletionsReached' },
        ],
      },
    ),
    pods: [],
    reason: 'CompletionsReached',
  },
];

for (const { title, pods, reason, ...given } of ENDS)
  test(`how a Job ends: ${title}`, () => {
    assert.equal(countJob({ job: given.job, pods, nowMs: NOW_MS }).finish?.reason, reason);
  });

test('what remains when a Job fails is counted once, and what the status names already not again', () => {
  const pods = [pod('Succeeded'), pod('Failed'), pod('Failed'), pod('Running')];
  const [succeeded, failed] = pods.map(({ metadata }) => metadata?.uid);
  const status = {
    uncountedTerminatedPods: { succeeded: [succeeded], failed: [failed] },
    conditions: [{ type: 'FailureTarget', status: 'True', reason: 'DeadlineExceeded' }],
  };
  const view = { job: job({}, status), pods, nowMs: NOW_MS };
  const { newSucceeded, newFailed, ignored } = countRemaining(view, countJob(view));
  assert.deepEqual([newSucceeded, newFailed, ignored], [[], pods.slice(2), []]);
});

test('of two pods of an index the one that has come further stays, and pods beyond the wanted number go in the usual order', () => {
  const stuck = pod('Pending', 0, { metadata: { creationTimestamp: '2026-02-28T22:00:00Z' } });
  const running = pod('Running', 0, { spec: { nodeName: 'n' } });
  const other = pod('Running', 1, { spec: { nodeName: 'n' } });
  const waiting = pod('Pending', 2);
  const planOf = (spec: object, pods: V1Pod[]) => {
    const view = { job: job(indexed(spec)), pods, nowMs: NOW_MS };
    return planPods(view, countJob(view)).remove;
  };
  assert.deepEqual(planOf({}, [stuck, running, other]), [stuck]);
  assert.deepEqual(planOf({ parallelism: 2 }, [running, other, waiting]), [waiting]);
});

test('a Job without completions leaves alone what runs when one has succeeded', () => {
  const view = {
    job: job({ completions: undefined, parallelism: 1 }),
    pods: [pod('Succeeded'), pod('Running'), pod('Running')],
    nowMs: NOW_MS,
  };
  assert.deepEqual(planPods(view, countJob(view)), { create: [], remove: [] });
});

const terminated = (finishedAt?: string) => ({ state: { terminated: { exitCode: 1, ...(finishedAt && { finishedAt }) } } });
const ready = (status: string, lastTransitionTime: string) => ({ type: 'Ready', status, lastTransitionTime });
const AT = ['2026-02-28T23:10:00Z', '2026-02-28T23:20:00Z', '2026-02-28T23:30:00Z'] as const;
const deleted = { deletionTimestamp: AT[2], deletionGracePeriodSeconds: 600 };

const ENDED: readonly [title: string, pod: V1Pod, at: string][] = [
  [
    'by the last of its containers',
    pod('Failed', 0, { status: { containerStatuses: [terminated(AT[0]), terminated(AT[1])] } }),
    AT[1],
  ],
  [
    'by its readiness where a container has not ended',
    pod('Failed', 0, { status: { containerStatuses: [terminated(AT[0]), { state: {} }], conditions: [ready('False', AT[2])] } }),
    AT[2],
  ],
  [
    'by the moment of its deletion where it was ready until then',
    pod('Running', 0, { metadata: deleted, status: { conditions: [ready('True', AT[0])] } }),
    AT[1],
  ],
  ['by its creation where nothing is known', pod('Failed'), '2026-02-28T23:00:00Z'],
];

for (const [title, ended, at] of ENDED)
  test(`when a pod ended: ${title}`, () => assert.equal(new Date(endedAtMs(ended)).toISOString(), at.replace('Z', '.000Z')));

test('a success policy of thousands of ranges is held against thousands of indexes at once', () => {
  const every = (step: number) => Array.from({ length: 12_000 }, (_, i) => i * step).join(',');
  const rules = Array.from({ length: 20 }, () => ({ succeededIndexes: every(2), succeededCount: 12_000 }));
  const many = { completions: 100_000, parallelism: 1, successPolicy: { rules } };
  const done = every(4);
  const view = { job: job(indexed(many), { completedIndexes: done }), pods: [], nowMs: NOW_MS };
  const before = countJob(view);
  assert.equal(before.finish, undefined);
  assert.deepEqual(planPods(view, before).create, [1]);
  const after = countJob({ ...view, job: job(indexed(many), { completedIndexes: '0-30000' }) });
  assert.equal(after.finish?.reason, 'SuccessPolicy');
});

test('what is there for a Job is found beyond any number of indexes that are done', () => {
  const completions = 2 ** 31 - 1;
  const view = {
    job: job(indexed({ completions, parallelism: 3 }), { completedIndexes: `0-9,12-${completions - 2}` }),
    pods: [pod('Running', 10)],
    nowMs: NOW_MS,
  };
  assert.deepEqual(planPods(view, countJob(view)), { create: [11, completions - 1], remove: [] });
});
