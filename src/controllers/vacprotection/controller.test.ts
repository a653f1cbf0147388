import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { volumeAttributesClassKind } from '../../api/storage/v1/volume-attributes-class.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createVacProtectionController } from './controller.ts';

const FINALIZER = 'kubernetes.io/vac-protection';
const going = { metadata: { name: 'fast', finalizers: [FINALIZER], deletionTimestamp: '2026-01-01T00:00:00Z' }, driverName: 'd' };
const there = (cluster: TestingCluster) => cluster.get<KubeObject>(volumeAttributesClassKind, 'fast');

test('a class stays while a claim or a volume names it', async () => {
  const cluster = new TestingCluster();
  cluster.put(volumeAttributesClassKind, going);
  cluster.put(persistentVolumeClaimKind, {
    metadata: { name: 'c', namespace: 'ns' },
    status: { modifyVolumeStatus: { status: 'InProgress', targetVolumeAttributesClassName: 'fast' } },
  });
  cluster.put(persistentVolumeKind, { metadata: { name: 'v' }, spec: { volumeAttributesClassName: 'fast' } });
  await using run = await runController(createVacProtectionController, cluster);
  await run.settle(10);
  cluster.remove(persistentVolumeClaimKind, 'c', 'ns');
  await run.settle(10);
  assert.ok(there(cluster));
  cluster.put(persistentVolumeKind, { metadata: { name: 'v' }, spec: { volumeAttributesClassName: 'slow' } });
  await run.settle(10);
  assert.equal(there(cluster), undefined);
});

test('a class that was made before gets its finalizer', async () => {
  const cluster = new TestingCluster();
  cluster.put(volumeAttributesClassKind, { metadata: { name: 'fast' } });
  await using run = await runController(createVacProtectionController, cluster);
  await run.settle(10);
  assert.deepEqual(there(cluster)?.metadata?.finalizers, [FINALIZER]);
});
