/** Deployments, ReplicaSets, DaemonSets and StatefulSets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KindDefinition } from '../../machinery/kind.ts';
import { specimensOf } from '../../test-specimens.ts';
import { daemonSetKind } from './daemon-set.ts';
import { deploymentKind } from './deployment.ts';
import { replicaSetKind } from './replica-set.ts';
import { statefulSetKind } from './stateful-set.ts';

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const base = { selector: { matchLabels: { app: 'x' } }, template };
const complaintsAbout = (kind: KindDefinition, more: object = {}) => {
  const { complaints } = specimensOf(kind);
  return (spec: object) => complaints({ spec: { ...base, ...more, ...spec } });
};
/** Against an update of a sound object with what is given. */
const changesOf = (kind: KindDefinition, more: object = {}) => {
  const { changes } = specimensOf(kind);
  return (spec: object) => changes({ spec: { ...base, ...more } }, { spec: { ...base, ...more, ...spec } });
};
const deployment = complaintsAbout(deploymentKind);
const replicaSet = complaintsAbout(replicaSetKind);
const daemonSet = complaintsAbout(daemonSetKind);
const statefulSet = complaintsAbout(statefulSetKind, { serviceName: 's' });
const deploymentChange = changesOf(deploymentKind);
const daemonSetChange = changesOf(daemonSetKind);
const statefulSetChange = changesOf(statefulSetKind, { serviceName: 's' });

test('what is wrong with a Deployment is told', () => {
  const cases: [string, object, ...string[]][] = [
    ['nothing', {}],
    ['fewer than none', { replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    [
      'no selector',
      { selector: undefined },
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    ['a selector of everything', { selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    [
      'a selector of others',
      { selector: { matchLabels: { app: 'y' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'pods that end',
      {
        template: {
          metadata: { labels: { app: 'x' } },
          spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] },
        },
      },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
    [
      'pods with a deadline',
      {
        template: {
          metadata: { labels: { app: 'x' } },
          spec: { activeDeadlineSeconds: 5, containers: [{ name: 'c', image: 'i' }] },
        },
      },
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
    ],
    [
      'a container without an image',
      { template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c' }] } } },
      'spec.template.spec.containers[0].image: Required value',
    ],
    [
      'an unknown strategy',
      { strategy: { type: 'Sudden' } },
      'spec.strategy: Unsupported value: {"Type":"Sudden","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
    [
      'recreating bit by bit',
      { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ],
    [
      'no room to roll',
      { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ],
    [
      'more than all',
      { strategy: { rollingUpdate: { maxSurge: '10%', maxUnavailable: '101%' } } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      'shares that are none',
      { strategy: { rollingUpdate: { maxSurge: 'many', maxUnavailable: -1 } } },
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: -1: must be greater than or equal to 0',
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"many\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
    [
      'numbers below zero',
      { minReadySeconds: -1, revisionHistoryLimit: -1, progressDeadlineSeconds: -1 },
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.progressDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.progressDeadlineSeconds: Invalid value: -1: must be greater than minReadySeconds',
    ],
    [
      'a deadline before readiness',
      { minReadySeconds: 600 },
      'spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(deployment(given), expected, what);
});

test('the selector of a Deployment stays', () => {
  const cases: [string, object, ...string[]][] = [
    ['as it was', { replicas: 3 }],
    [
      'another selector',
      {
        selector: { matchLabels: { app: 'y' } },
        template: { metadata: { labels: { app: 'y' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
      'spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(deploymentChange(given), expected, what);
});

test('what is wrong with a ReplicaSet is told', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'fewer than none',
      { replicas: -1, minReadySeconds: -1 },
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
    ['a selector of everything', { selector: {} }, 'spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    [
      'a selector of others',
      { selector: { matchLabels: { app: 'y' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'a label that is none',
      { selector: { matchLabels: { 'a b': 'x' } } },
      "spec.selector.matchLabels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.selector: Invalid value: {"matchLabels":{"a b":"x"}}: invalid label selector',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(replicaSet(given), expected, what);
});

test('what is wrong with a DaemonSet is told', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'an unknown strategy',
      { updateStrategy: { type: 'Sudden' } },
      'spec.updateStrategy: Unsupported value: {"Type":"Sudden","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
    [
      'both at once',
      { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
    ],
    [
      'neither',
      { updateStrategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } },
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0',
    ],
    [
      'a selector of others',
      { selector: { matchLabels: { app: 'y' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
    [
      'pods that end',
      {
        template: {
          metadata: { labels: { app: 'x' } },
          spec: { restartPolicy: 'OnFailure', containers: [{ name: 'c', image: 'i' }] },
        },
      },
      'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
    ],
    [
      'numbers below zero',
      { minReadySeconds: -1, revisionHistoryLimit: -1 },
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(daemonSet(given), expected, what);
});

test('the selector of a DaemonSet stays', () => {
  const cases: [string, object, ...string[]][] = [
    [
      'another selector',
      {
        selector: { matchLabels: { app: 'x', b: 'c' } },
        template: { metadata: { labels: { app: 'x', b: 'c' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
      'spec.selector: Invalid value: {"matchLabels":{"app":"x","b":"c"}}: field is immutable',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(daemonSetChange(given), expected, what);
});

test('what is wrong with a StatefulSet is told', () => {
  const cases: [string, object, ...string[]][] = [
    ['nothing', {}],
    [
      'an unknown management',
      { podManagementPolicy: 'Wild' },
      "spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'",
    ],
    [
      'an unknown strategy',
      { updateStrategy: { type: 'Sudden' } },
      'spec.updateStrategy: Invalid value: {"Type":"Sudden","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
    ],
    [
      'a partition below zero',
      { updateStrategy: { rollingUpdate: { partition: -1 } } },
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'a partition of what is not rolled',
      { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
    [
      'ordinals below zero',
      { ordinals: { start: -1 } },
      'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      'an unknown retention',
      { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Burn' } },
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Burn": supported values: "Retain", "Delete"',
    ],
    ['a service of no name', { serviceName: 'UP' }],
    ['fewer than none', { replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    [
      'a selector of others',
      { selector: { matchLabels: { app: 'y' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(statefulSet(given), expected, what);
});

test('little of a StatefulSet changes', () => {
  const cases: [string, object, ...string[]][] = [
    ['how many', { replicas: 5 }],
    ['the template', { template: { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'j' }] } } }],
    [
      'the service',
      { serviceName: 't' },
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    [
      'the management',
      { podManagementPolicy: 'Parallel' },
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
  ];
  for (const [what, given, ...expected] of cases) assert.deepEqual(statefulSetChange(given), expected, what);
});

test('a share that is none counts as nothing', () => {
  const strategy = { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '5x', maxSurge: 0 } };
  const told = deployment({ strategy });
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /^spec\.strategy\.rollingUpdate\.maxUnavailable: Invalid value: "5x": a valid percent string/);
  assert.equal(told[1], 'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "5x": may not be 0 when `maxSurge` is 0');
});

test('the status of a Deployment is looked at from its generation on', () => {
  const { created, refusals } = specimensOf(deploymentKind);
  const before = created({ spec: base });
  const status = { observedGeneration: -1, replicas: -1, terminatingReplicas: -1 };
  const told = refusals(before, { ...before, status }, 'status').map((text) => text.split(':')[0]);
  assert.deepEqual(told.slice(0, 3), ['status.observedGeneration', 'status.replicas', 'status.terminatingReplicas']);
});
