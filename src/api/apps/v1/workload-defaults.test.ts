import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1DaemonSet } from '../../gen/types.ts';
import type { KindDefinition } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { specimensOf, testContext } from '../../test-specimens.ts';
import { daemonSetKind } from './daemon-set.ts';
import { deploymentKind } from './deployment.ts';
import { statefulSetKind } from './stateful-set.ts';

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const base = { selector: { matchLabels: { app: 'x' } }, template };
const specOf = (kind: KindDefinition, more: object = {}) => {
  const { spec } = specimensOf(kind).created({ spec: { ...base, ...more } });
  const { template: _, selector: __, ...rest } = spec as Record<string, unknown>;
  return rest;
};

test('a deployment rolls by quarters', () => {
  assert.deepEqual(specOf(deploymentKind), {
    progressDeadlineSeconds: 600,
    replicas: 1,
    revisionHistoryLimit: 10,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  });
  const { strategy } = specOf(deploymentKind, { strategy: { type: 'Recreate' } });
  assert.deepEqual(strategy, { type: 'Recreate' });
});

test('a daemon set rolls node by node', () => {
  assert.deepEqual(specOf(daemonSetKind), {
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  });
});

test('a stateful set is made in order, and keeps its claims', () => {
  assert.deepEqual(specOf(statefulSetKind, { serviceName: 's' }), {
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    podManagementPolicy: 'OrderedReady',
    replicas: 1,
    revisionHistoryLimit: 10,
    serviceName: 's',
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
  });
});

test('a stateful set that says how it is updated says all of it', () => {
  const strategyOf = (updateStrategy: object) => specOf(statefulSetKind, { serviceName: 's', updateStrategy })['updateStrategy'];
  assert.deepEqual(strategyOf({ type: 'RollingUpdate' }), { type: 'RollingUpdate' });
  assert.deepEqual(strategyOf({ type: 'RollingUpdate', rollingUpdate: {} }), {
    type: 'RollingUpdate',
    rollingUpdate: { partition: 0 },
  });
  assert.deepEqual(strategyOf({ rollingUpdate: { partition: 2 } }), { type: 'RollingUpdate', rollingUpdate: { partition: 2 } });
});

test('a stateful set’s claims are claims, whatever they are called', () => {
  const { volumeClaimTemplates } = specOf(statefulSetKind, {
    serviceName: 's',
    volumeClaimTemplates: [{ apiVersion: 'v9', kind: 'Pod', spec: {} }],
  });
  assert.deepEqual(volumeClaimTemplates, [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {},
      spec: { resources: {}, volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    },
  ]);
});

test('a stateful set’s claims are claims, pending', () => {
  const claim = {
    metadata: { name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  const { volumeClaimTemplates } = specOf(statefulSetKind, { serviceName: 's', volumeClaimTemplates: [claim] });
  assert.deepEqual(volumeClaimTemplates, [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { ...claim.spec, volumeMode: 'Filesystem' },
      status: { phase: 'Pending' },
    },
  ]);
});

test('a daemon set counts the changes of its template, whatever is said in its annotation', () => {
  const { created } = specimensOf(daemonSetKind);
  const generationOf = (object: DynamicObject) => object.metadata.annotations!['deprecated.daemonset.template.generation'];
  const before = created({ spec: base });
  assert.equal(generationOf(before), '1');
  const after = structuredClone(before) as V1DaemonSet & DynamicObject;
  after.metadata.annotations = {};
  daemonSetKind.prepareForUpdate!(after, before, testContext);
  assert.equal(generationOf(after), '1');
  after.spec!.template.spec!.containers[0]!.image = 'j';
  daemonSetKind.prepareForUpdate!(after, before, testContext);
  assert.equal(generationOf(after), '2');
});
