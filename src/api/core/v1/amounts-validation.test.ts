/** Quotas, ranges of limits, and what nodes have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeClassKind } from '../../node/v1/runtime-class.ts';
import { specimensOf } from '../../test-specimens.ts';
import { limitRangeKind } from './limit-range.ts';
import { nodeKind } from './node.ts';
import { resourceQuotaKind } from './resource-quota.ts';

const quotas = specimensOf(resourceQuotaKind);
const quota = (spec: object) => quotas.complaints({ spec });
const range = (item: object) => specimensOf(limitRangeKind).complaints({ spec: { limits: [item] } });

test('what is wrong with a ResourceQuota is told', () => {
  const scopes = 'spec.scopes: Invalid value:';
  const selector = 'spec.scopeSelector.matchExpressions';
  const chosen = (requirement: object) => quota({ scopeSelector: { matchExpressions: [requirement] } });
  const cases: [string[], ...string[]][] = [
    [quota({})],
    [quota({ hard: { pods: '3', 'requests.storage': '1Gi', 'count/deployments.apps': '2', 'requests.example.com/gpu': '1' } })],
    [quota({ hard: { 'gold.storageclass.storage.k8s.io/requests.storage': '1Gi', 'hugepages-2Mi': '4Mi' } })],
    [quota({ hard: { storage: '1' } }), 'spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota'],
    [
      quota({ hard: { widgets: '1' } }),
      'spec.hard[widgets]: Invalid value: "widgets": must be a standard resource type or fully qualified',
      'spec.hard[widgets]: Invalid value: "widgets": must be a standard resource for quota',
    ],
    [quota({ hard: { pods: '-1' } }), 'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
    [quota({ hard: { pods: '1500m' } }), 'spec.hard[pods]: Invalid value: "1500m": must be an integer'],
    [quota({ scopes: ['Some'] }), `${scopes} ["Some"]: unsupported scope`],
    [
      quota({ scopes: ['BestEffort'], hard: { cpu: '1', pods: '1' } }),
      `${scopes} ["BestEffort"]: unsupported scope applied to resource`,
    ],
    [quota({ scopes: ['Terminating', 'NotTerminating'] }), `${scopes} ["Terminating","NotTerminating"]: conflicting scopes`],
    [chosen({ scopeName: 'PriorityClass', operator: 'In', values: ['high'] })],
    [
      chosen({ scopeName: 'PriorityClass', operator: 'In' }),
      `${selector}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`,
    ],
    [
      chosen({ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }),
      `${selector}.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
    ],
    [
      chosen({ scopeName: 'PriorityClass', operator: 'Like' }),
      `${selector}.operator: Invalid value: "Like": not a valid selector operator`,
    ],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
  assert.match(chosen({ scopeName: 'BestEffort', operator: 'In', values: ['a'] })[0]!, /must be 'Exists' when scope is any of/);
});

test("a quota's scopes stay, and its status is checked too", () => {
  assert.deepEqual(quotas.changes({ spec: { scopes: ['BestEffort'] } }, { spec: {} }), [
    'spec.scopes: Invalid value: null: field is immutable',
  ]);
  assert.deepEqual(
    quotas.changes({ spec: { scopes: ['BestEffort', 'Terminating'] } }, { spec: { scopes: ['Terminating', 'BestEffort'] } }),
    [],
  );
  const before = quotas.created({ spec: { hard: { pods: '1' } } });
  assert.deepEqual(quotas.refusals(before, { ...before, status: { used: { pods: '1m' } } }, 'status'), [
    'status.used[pods]: Invalid value: "1m": must be an integer',
  ]);
});

test('what is wrong with a LimitRange is told', () => {
  const at = 'spec.limits[0]';
  const cases: [string[], ...string[]][] = [
    [range({ type: 'Container', min: { cpu: '1' }, max: { cpu: '2' }, default: { cpu: '2' }, defaultRequest: { cpu: '1' } })],
    [range({ type: 'example.com/thing', max: { 'example.com/a': '1' } })],
    [range({ type: 'Box' }), `${at}.type: Invalid value: "Box": must be a standard limit type or fully qualified`],
    [range({ type: 'Pod', default: { cpu: '1' } }), `${at}.default: Forbidden: may not be specified when \`type\` is 'Pod'`],
    [
      range({ type: 'PersistentVolumeClaim', max: {} }),
      `${at}.limits: Required value: either minimum or maximum storage value is required, but neither was provided`,
    ],
    [
      range({ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }),
      `${at}.min[cpu]: Invalid value: "2": min value 2 is greater than max value 1`,
    ],
    [
      range({ type: 'Container', max: { cpu: '1' }, default: { cpu: '2' }, defaultRequest: { cpu: '500m' } }),
      `${at}.default[cpu]: Invalid value: "1": default value 2 is greater than max value 1`,
    ],
    [
      range({ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '2' } }),
      `${at}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1`,
    ],
    [
      range({ type: 'Pod', maxLimitRequestRatio: { cpu: '500m' } }),
      `${at}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1`,
    ],
    [
      range({ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } }),
      `${at}.maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000`,
    ],
    [
      range({ type: 'Container', default: { 'example.com/gpu': '2' }, defaultRequest: { 'example.com/gpu': '1' } }),
      `${at}.defaultRequest[example.com/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in example.com/gpu`,
    ],
  ];
  for (const [told, ...wanted] of cases) assert.deepEqual(told, wanted);
});

test('nodes have whole things, and runtime classes cost no less than nothing', () => {
  const nodes = specimensOf(nodeKind);
  assert.deepEqual(nodes.complaints({ status: { capacity: { pods: '1500m', cpu: '1500m' }, allocatable: { pods: '1' } } }), [
    'status.capacity.pods: Invalid value: "1500m": must be an integer',
  ]);
  const classes = specimensOf(runtimeClassKind);
  assert.deepEqual(classes.complaints({ handler: 'runc', overhead: { podFixed: { cpu: '-1' } } }), [
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ]);
  assert.match(classes.complaints({ handler: 'Run_C' })[0]!, /^handler: Invalid value: "Run_C": a lowercase RFC 1123 label/);
  assert.deepEqual(classes.changes({ handler: 'a' }, { handler: 'b' }), ['handler: Invalid value: "b": field is immutable']);
  const toleration = { key: 'a', operator: 'Exists' };
  assert.match(
    classes.complaints({ handler: 'a', scheduling: { tolerations: [toleration, toleration] } })[0]!,
    /^scheduling\.tolerations\[1\]: Duplicate value/,
  );
});
