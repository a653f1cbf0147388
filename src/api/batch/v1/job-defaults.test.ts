import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1CronJob, V1Job } from '../../gen/types.ts';
import { specimensOf } from '../../test-specimens.ts';
import { cronJobKind } from './cron-job.ts';
import { jobKind } from './job.ts';

const containers = [{ name: 'c', image: 'i' }];
const template = { spec: { restartPolicy: 'Never', containers } };
const jobs = specimensOf(jobKind);
const LABELS = {
  'job-name': 'a',
  'batch.kubernetes.io/job-name': 'a',
  'controller-uid': 'u',
  'batch.kubernetes.io/controller-uid': 'u',
};

test('a job of one pod gets its numbers, and a selector of its own', () => {
  const { template: made, ...spec } = (jobs.created({ spec: { template } }) as V1Job).spec!;
  assert.deepEqual(spec, {
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    completions: 1,
    parallelism: 1,
    manualSelector: false,
    podReplacementPolicy: 'TerminatingOrFailed',
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
    suspend: false,
  });
  assert.deepEqual(made.metadata?.labels, LABELS);
});

test('a job’s completions are left open when its parallelism is said', () => {
  const { spec } = jobs.created({ spec: { template, parallelism: 3 } }) as V1Job;
  assert.deepEqual([spec!.parallelism, spec!.completions], [3, undefined]);
});

test('with a failure policy pods are replaced when they have failed, with a limit by index there is no other', () => {
  const policy = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] };
  const failing = (jobs.created({ spec: { template, podFailurePolicy: policy } }) as V1Job).spec!;
  assert.equal(failing.podReplacementPolicy, 'Failed');
  assert.equal(failing.podFailurePolicy!.rules[0]!.onPodConditions![0]!.status, 'True');
  const indexed = { template, completionMode: 'Indexed', completions: 2, backoffLimitPerIndex: 1 };
  assert.equal((jobs.created({ spec: indexed }) as V1Job).spec!.backoffLimit, 2147483647);
});

test('a job that brings its own selector keeps it and gets no labels', () => {
  const own = { manualSelector: true, selector: { matchLabels: { app: 'x' } } };
  const labelled = { metadata: { labels: { app: 'x' } }, ...template };
  const { spec } = jobs.created({ spec: { ...own, template: labelled } }) as V1Job;
  assert.deepEqual(spec!.selector, own.selector);
  assert.deepEqual(spec!.template.metadata?.labels, { app: 'x' });
});

test('status is not a creator’s to say', () => {
  assert.deepEqual(jobs.created({ spec: { template }, status: { active: 3 } })['status'] ?? {}, {});
});

test('a cron job runs whenever it is time, and keeps some of its jobs', () => {
  const { spec } = specimensOf(cronJobKind).created({ spec: { schedule: '@daily', jobTemplate: { spec: { template } } } });
  const { jobTemplate: _, ...rest } = spec as V1CronJob['spec'] & object;
  assert.deepEqual(rest, {
    concurrencyPolicy: 'Allow',
    failedJobsHistoryLimit: 1,
    schedule: '@daily',
    successfulJobsHistoryLimit: 3,
    suspend: false,
  });
});
