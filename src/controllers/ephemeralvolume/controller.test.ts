import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1PersistentVolumeClaim, V1Pod } from '../../api/gen/types.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createEphemeralVolumeController } from './controller.ts';

const claimSpec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const pod = (name: string) =>
  ({
    metadata: { name, namespace: 'a', uid: `${name}-uid` },
    spec: {
      volumes: [
        { name: 'empty', emptyDir: {} },
        { name: 'scratch', ephemeral: { volumeClaimTemplate: { metadata: { labels: { app: 'x' } }, spec: claimSpec } } },
      ],
    },
  }) as unknown as V1Pod;
const claimIn = (cluster: TestingCluster) => cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'web-scratch', 'a');

test('a generic ephemeral volume gets a claim that the pod owns, and anew when it is deleted', async () => {
  const cluster = new TestingCluster();
  cluster.put(podKind, pod('web'));
  await using run = await runController((context) => createEphemeralVolumeController(context), cluster);
  const claim = claimIn(cluster);
  assert.deepEqual(claim?.spec, claimSpec);
  assert.deepEqual(claim?.metadata?.labels, { app: 'x' });
  assert.deepEqual(claim?.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'web-uid', controller: true, blockOwnerDeletion: true },
  ]);
  assert.equal(cluster.list(persistentVolumeClaimKind).length, 1);
  cluster.remove(persistentVolumeClaimKind, 'web-scratch', 'a');
  await run.settle();
  assert.ok(claimIn(cluster));
});

test('a claim of somebody else is left alone and the pod is told, until it is gone', async () => {
  const cluster = new TestingCluster();
  cluster.put(persistentVolumeClaimKind, {
    metadata: { name: 'web-scratch', namespace: 'a' },
    spec: {},
  } as V1PersistentVolumeClaim);
  cluster.put(podKind, pod('web'));
  await using run = await runController((context) => createEphemeralVolumeController(context), cluster);
  assert.equal(run.events[0], 'web FailedBinding');
  assert.equal(cluster.sent('create', 'persistentvolumeclaims').length, 0);
  cluster.remove(persistentVolumeClaimKind, 'web-scratch', 'a');
  await run.settle();
  assert.equal(claimIn(cluster)?.metadata?.ownerReferences?.[0]?.uid, 'web-uid');
});

test('a pod that is being deleted gets no claim any more', async () => {
  const cluster = new TestingCluster();
  const going = pod('web');
  cluster.put(podKind, { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } } as V1Pod);
  await using _run = await runController((context) => createEphemeralVolumeController(context), cluster);
  assert.equal(claimIn(cluster), undefined);
});
