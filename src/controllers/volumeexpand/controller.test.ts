import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '../../api/gen/types.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createVolumeExpandController } from './controller.ts';

function clusterWith(volumeSource: object, provisionedBy?: string): TestingCluster {
  const cluster = new TestingCluster();
  const annotations = provisionedBy ? { 'pv.kubernetes.io/provisioned-by': provisionedBy } : {};
  cluster.put(persistentVolumeKind, {
    metadata: { name: 'pv', annotations },
    spec: { capacity: { storage: '1Gi' }, claimRef: { namespace: 'a', name: 'data', uid: 'claim-uid' }, ...volumeSource },
  } as V1PersistentVolume);
  cluster.put(persistentVolumeClaimKind, claim('1Gi'));
  return cluster;
}
function claim(storage: string): V1PersistentVolumeClaim {
  const conditions = [{ type: 'Resizing', status: 'True' }];
  return {
    metadata: { name: 'data', namespace: 'a', uid: 'claim-uid' },
    spec: { volumeName: 'pv', resources: { requests: { storage } } },
    status: { phase: 'Bound', capacity: { storage: '1Gi' }, conditions },
  } as V1PersistentVolumeClaim;
}
const volumeSize = (cluster: TestingCluster) =>
  cluster.get<V1PersistentVolume>(persistentVolumeKind, 'pv')?.spec?.capacity?.['storage'];

test('a directory of ours grows with its claim', async () => {
  const cluster = clusterWith({ hostPath: { path: '/x' } }, 'muster.dev/host-path');
  await using run = await runController((context) => createVolumeExpandController(context), cluster);
  assert.equal(cluster.requests.length, 0);
  cluster.put(persistentVolumeClaimKind, claim('2Gi'));
  await run.settle();
  assert.equal(volumeSize(cluster), '2Gi');
  const { status } = cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'data', 'a')!;
  assert.deepEqual([status?.capacity, status?.conditions], [{ storage: '2Gi' }, undefined]);
  assert.deepEqual(run.events, ['data VolumeResizeSuccessful']);
});

test('volumes of others are left to whoever resizes them', async () => {
  for (const [volumeSource, by] of [
    [{ csi: { driver: 'csi.test', volumeHandle: 'h' } }, 'csi.test'],
    [{ hostPath: { path: '/x' } }, undefined],
  ] as const) {
    const cluster = clusterWith(volumeSource, by);
    await using run = await runController((context) => createVolumeExpandController(context), cluster);
    cluster.put(persistentVolumeClaimKind, claim('2Gi'));
    await run.settle();
    assert.deepEqual([volumeSize(cluster), run.events, cluster.requests.length], ['1Gi', ['data ExternalExpanding'], 0]);
  }
});

test('a claim whose volume is another’s gets nothing', async () => {
  const cluster = clusterWith(
    { hostPath: { path: '/x' }, claimRef: { namespace: 'a', name: 'data', uid: 'old' } },
    'muster.dev/host-path',
  );
  await using run = await runController((context) => createVolumeExpandController(context), cluster);
  cluster.put(persistentVolumeClaimKind, claim('2Gi'));
  await run.settle();
  assert.deepEqual([volumeSize(cluster), run.events.length], ['1Gi', 0]);
});
