/** Jobs and CronJobs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Job, V1PodTemplateSpec } from '../../gen/types.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specimensOf } from '../../test-specimens.ts';
import { cronJobKind } from './cron-job.ts';
import { jobKind } from './job.ts';

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
const jobs = specimensOf(jobKind);
const cronJobs = specimensOf(cronJobKind);
const job = (spec: object) => jobs.complaints({ spec: { template, ...spec } });
const cronJob = (spec: object) =>
  cronJobs.complaints({ spec: { schedule: '* * * * *', jobTemplate: { spec: { template } }, ...spec } });
/** Against writing the second over a job made of the first. */
const change = (pair: object) => {
  const [made, written] = pair as [object, object];
  const before = jobs.created({ spec: { template, ...made } });
  const after = structuredClone(before);
  Object.assign(after['spec'] as object, written);
  return jobs.refusals(before, after);
};

test('what is wrong with a Job is told', () => {
  const cases: [string, object, ...string[]][] = [
    ['nothing', {}],
    [
      'numbers below zero',
      { parallelism: -1, completions: -1, backoffLimit: -1, activeDeadlineSeconds: -1, ttlSecondsAfterFinished: -1 },
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
      'spec.completions: Invalid value: -1: must be greater than or equal to 0',
      'spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'pods that go on forever',
      { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } },
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      'an unknown completion mode',
      { completionMode: 'Random' },
      'spec.completionMode: Unsupported value: "Random": supported values: "NonIndexed", "Indexed"',
    ],
    ['indexes without a number', { completionMode: 'Indexed' }],
    [
      'too many in parallel',
      { completionMode: 'Indexed', completions: 5, parallelism: 100001 },
      'spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed',
    ],
    [
      'limits of each index without indexes',
      { backoffLimitPerIndex: 1, maxFailedIndexes: 1 },
      'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
      'spec.maxFailedIndexes: Invalid value: 1: requires indexed completion mode',
    ],
    [
      'failed indexes without their limit',
      { completionMode: 'Indexed', completions: 3, maxFailedIndexes: 1 },
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
    ],
    [
      'more failed indexes than there are',
      { completionMode: 'Indexed', completions: 3, backoffLimitPerIndex: 1, maxFailedIndexes: 5 },
      'spec.maxFailedIndexes: Invalid value: 5: must be less than or equal to completions',
    ],
    [
      'a selector of its own, unasked',
      { selector: { matchLabels: { a: 'b' } } },
      'spec.selector: Invalid value: {"matchLabels":{"a":"b","batch.kubernetes.io/controller-uid":"u"}}: `selector` not auto-generated',
      'spec.template.metadata.labels: Invalid value: {"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"a","controller-uid":"u","job-name":"a"}: `selector` does not match template `labels`',
    ],
    [
      'an unknown replacement',
      { podReplacementPolicy: 'Never' },
      'spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", "TerminatingOrFailed"',
    ],
    [
      'a manager that is none',
      { managedBy: 'nobody' },
      'spec.managedBy: Invalid value: "nobody": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      'rules about nothing',
      { podFailurePolicy: { rules: [{ action: 'FailJob' }] } },
      'spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
    ],
    [
      'rules about exits',
      {
        podFailurePolicy: {
          rules: [
            { action: 'Odd', onExitCodes: { operator: 'Near', values: [] } },
            { action: 'FailJob', onExitCodes: { containerName: 'z', operator: 'In', values: [0, 2, 1, 1] } },
          ],
        },
      },
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Odd": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[0].onExitCodes.operator: Unsupported value: "Near": supported values: "In", "NotIn"',
      'spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: []: at least one value is required',
      'spec.podFailurePolicy.rules[1].onExitCodes.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[3]: Duplicate value: 1',
      'spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [0,2,1,1]: must be ordered',
    ],
    [
      'rules about indexes without indexes',
      { podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }] } },
      'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
    ],
    [
      'rules about conditions',
      { podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'a b', status: 'Perhaps' }] }] } },
      "spec.podFailurePolicy.rules[0].onPodConditions[0].type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.podFailurePolicy.rules[0].onPodConditions[0].status: Unsupported value: "Perhaps": supported values: "False", "True", "Unknown"',
    ],
    [
      'success without indexes',
      { successPolicy: { rules: [{ succeededCount: 1 }] } },
      'spec.successPolicy: Invalid value: {"Rules":[{"SucceededIndexes":null,"SucceededCount":1}]}: requires indexed completion mode',
    ],
    [
      'success of indexes that are not',
      {
        completionMode: 'Indexed',
        completions: 3,
        successPolicy: {
          rules: [{ succeededIndexes: '0-9' }, {}, { succeededIndexes: '2,1' }, { succeededIndexes: '0-1', succeededCount: 5 }],
        },
      },
      'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "0-9": error parsing succeededIndexes: too large index: "9"',
      'spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "2,1": error parsing succeededIndexes: non-increasing order, previous: 2, current: 1',
      'spec.successPolicy.rules[3].succeededCount: Invalid value: 5: must be less than or equal to 3 (the number of specified completions)',
      'spec.successPolicy.rules[3].succeededCount: Invalid value: 5: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(job(given), expected, what);
});

test('little of a Job changes', () => {
  const cases: [string, object, ...string[]][] = [
    ['its breadth', [{}, { parallelism: 4 }]],
    ['its length', [{ completions: 3 }, { completions: 4 }], 'spec.completions: Invalid value: 4: field is immutable'],
    [
      'both, of one with indexes',
      [
        { completionMode: 'Indexed', completions: 3, parallelism: 3 },
        { completions: 4, parallelism: 4 },
      ],
    ],
    [
      'the one without the other',
      [{ completionMode: 'Indexed', completions: 3, parallelism: 3 }, { completions: 4 }],
      'spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism',
    ],
    [
      'its mode',
      [{ completions: 3 }, { completionMode: 'Indexed' }],
      'spec.completionMode: Invalid value: "Indexed": field is immutable',
    ],
    [
      'its manager',
      [{ managedBy: 'a.example/x' }, { managedBy: 'b.example/x' }],
      'spec.managedBy: Invalid value: "b.example/x": field is immutable',
    ],
    [
      'its limit for indexes',
      [{ completionMode: 'Indexed', completions: 3, backoffLimitPerIndex: 1 }, { backoffLimitPerIndex: 2 }],
      'spec.backoffLimitPerIndex: Invalid value: 2: field is immutable',
    ],
    ['its limit', [{}, { backoffLimit: 9, suspend: true, activeDeadlineSeconds: 9, ttlSecondsAfterFinished: 9 }]],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(change(given), expected, what);
});

test('what is wrong with a CronJob is told', () => {
  const cases: [string, object, ...string[]][] = [
    ['nothing', {}],
    ['no schedule', { schedule: '' }, 'spec.schedule: Required value'],
    [
      'a schedule of four',
      { schedule: '* * * *' },
      'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
    ],
    [
      'a schedule out of bounds',
      { schedule: '61 * * * *' },
      'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
    ],
    [
      'an unknown word',
      { schedule: '@sometimes' },
      'spec.schedule: Invalid value: "@sometimes": unrecognized descriptor: @sometimes',
    ],
    [
      'a zone in the schedule',
      { schedule: 'TZ=UTC * * * * *' },
      'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
    [
      'a zone that is none',
      { timeZone: 'Middle/Earth' },
      'spec.timeZone: Invalid value: "Middle/Earth": unknown time zone Middle/Earth',
    ],
    ['a zone of no name', { timeZone: '' }, 'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string'],
    [
      'the zone of whoever runs it',
      { timeZone: 'Local' },
      'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
    ],
    [
      'an unknown concurrency',
      { concurrencyPolicy: 'Some' },
      'spec.concurrencyPolicy: Unsupported value: "Some": supported values: "Allow", "Forbid", "Replace"',
    ],
    [
      'numbers below zero',
      { startingDeadlineSeconds: -1, successfulJobsHistoryLimit: -1, failedJobsHistoryLimit: -1 },
      'spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.successfulJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a selector for its jobs',
      {
        jobTemplate: {
          spec: {
            manualSelector: true,
            template: { spec: { restartPolicy: 'Always', containers: [{ name: 'c', image: 'i' }] } },
          },
        },
      },
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(cronJob(given), expected, what);
});

test('a job at rest may be sent elsewhere and given other resources, and what stays is told at its part of the template', () => {
  const of = (status: object, changeTo: (template: V1PodTemplateSpec) => void, suspend = true) => {
    const before = { ...jobs.created({ spec: { template, suspend } }), status };
    const after = structuredClone(before) as DynamicObject & V1Job;
    changeTo(after.spec!.template);
    return jobs.refusals(before, after).map((text) => text.replace(/Invalid value: .*: /, ''));
  };
  const elsewhere = ({ metadata, spec }: V1PodTemplateSpec) => {
    metadata!.annotations = { a: 'b' };
    spec!.nodeSelector = { a: 'b' };
    spec!.containers[0]!.resources = { requests: { cpu: '1' } };
  };
  const suspended = { startTime: '2026-01-01T00:00:00Z', conditions: [{ type: 'Suspended', status: 'True' }] };
  assert.deepEqual(of({}, elsewhere), []);
  assert.deepEqual(of(suspended, elsewhere), []);
  const fixed = ['spec.template: field is immutable'];
  assert.deepEqual(of({}, elsewhere, false), fixed);
  assert.deepEqual(of({ active: 1 }, elsewhere), fixed, 'a pod still runs');
  assert.deepEqual(of({ startTime: suspended.startTime }, elsewhere), fixed, 'nobody said yet that it rests');
  const another = ({ metadata, spec }: V1PodTemplateSpec) => {
    metadata!.finalizers = ['a.example/b'];
    Object.assign(spec!.containers[0]!, { name: 'd', resources: { requests: { cpu: '1' } } });
  };
  assert.deepEqual(of({}, another), ['spec.template.spec: field is immutable', 'spec.template: field is immutable']);
});

test('the labels that a job was given are still there after an update, and its last pod can still have a name', () => {
  const written = (changeTo: (job: DynamicObject & V1Job) => void, name = 'a') => {
    const before = jobs.created(
      { spec: { template, suspend: true, completionMode: 'Indexed', completions: 9, parallelism: 9 } },
      { name },
    );
    const after = structuredClone(before) as DynamicObject & V1Job;
    changeTo(after);
    return jobs.refusals(before, after);
  };
  assert.deepEqual(
    written(({ spec }) => {
      delete spec!.template.metadata!.labels!['job-name'];
    }),
    ["spec.template.metadata.labels[job-name]: Required value: must be 'a'"],
  );
  const name = 'n'.repeat(61);
  const grown = ({ spec }: V1Job) => Object.assign(spec!, { completions: 11, parallelism: 11 });
  assert.deepEqual(written(grown), []);
  assert.deepEqual(written(grown, name), [
    `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-10`,
  ]);
});

test('a job from before its labels had a domain does without those', () => {
  const before = jobs.created({ spec: { template } }) as DynamicObject & V1Job;
  const prefix = 'batch.kubernetes.io/';
  const { labels } = before.spec!.template.metadata!;
  const { matchLabels } = before.spec!.selector!;
  for (const label of ['controller-uid', 'job-name']) delete labels![prefix + label];
  matchLabels!['controller-uid'] = matchLabels![`${prefix}controller-uid`]!;
  delete matchLabels![`${prefix}controller-uid`];
  const after = structuredClone(before);
  after.spec!.parallelism = 2;
  assert.deepEqual(jobs.refusals(before, after), []);
});
