import assert from 'node:assert/strict';
import { test } from 'node:test';
import { controllerRevisionKind } from '../../api/apps/v1/controller-revision.ts';
import { statefulSetKind } from '../../api/apps/v1/stateful-set.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1ControllerRevision, V1PersistentVolumeClaim, V1Pod, V1StatefulSet } from '../../api/gen/types.ts';
import { type ControllerRun, runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createStatefulSetController } from './controller.ts';

const db = (image: string, more: object = {}) =>
  ({
    metadata: { name: 'db', namespace: 'a', uid: 's', generation: 1 },
    spec: {
      replicas: 3,
      serviceName: 'dbs',
      selector: { matchLabels: { app: 'db' } },
      updateStrategy: { type: 'RollingUpdate' },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
      template: {
        metadata: { labels: { app: 'db' } },
        spec: {
          containers: [{ name: 'c', image }],
          volumes: [
            { name: 'data', emptyDir: {} },
            { name: 'tmp', emptyDir: {} },
          ],
        },
      },
      ...more,
    },
  }) as unknown as V1StatefulSet;
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const members = (cluster: TestingCluster) =>
  pods(cluster)
    .map(({ metadata, spec }) => `${metadata?.name}:${spec?.containers[0]?.image}`)
    .sort();
const claimNames = (cluster: TestingCluster) =>
  cluster
    .list<V1PersistentVolumeClaim>(persistentVolumeClaimKind)
    .map(({ metadata }) => metadata?.name)
    .sort();
const status = (cluster: TestingCluster) => cluster.get<V1StatefulSet>(statefulSetKind, 'db', 'a')?.status;

/** One round of what kubelets do: new pods run and are ready. */
async function makeReady(run: ControllerRun): Promise<void> {
  for (const pod of pods(run.cluster)) {
    if (pod.status?.phase) continue;
    const lastTransitionTime = new Date(run.cluster.clock.now()).toISOString();
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime }];
    run.cluster.put(podKind, { ...pod, status: { phase: 'Running', conditions } } as unknown as V1Pod);
  }
  await run.settle();
}

/** Changes the spec as a user would. */
function change(cluster: TestingCluster, wanted: V1StatefulSet): void {
  cluster.put(statefulSetKind, { ...wanted, status: status(cluster) } as V1StatefulSet);
}

test('members come one after the other, each with its name, host name and claim', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one'));
  await run.settle();
  assert.deepEqual(members(cluster), ['db-0:one']);
  await run.settle(60_000);
  assert.deepEqual(members(cluster), ['db-0:one'], 'not before the first is ready');
  const [pod] = pods(cluster);
  assert.equal(pod?.spec?.hostname, 'db-0');
  assert.equal(pod?.spec?.subdomain, 'dbs');
  assert.deepEqual(
    pod?.spec?.volumes?.map((v) => v.persistentVolumeClaim?.claimName ?? v.name),
    ['data-db-0', 'tmp'],
  );
  assert.equal(pod?.metadata?.labels?.['apps.kubernetes.io/pod-index'], '0');
  for (let i = 0; i < 3; i++) await makeReady(run);
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one', 'db-2:one']);
  assert.deepEqual(claimNames(cluster), ['data-db-0', 'data-db-1', 'data-db-2']);
  const { replicas, readyReplicas, currentReplicas, updatedReplicas, currentRevision, updateRevision } = status(cluster)!;
  assert.deepEqual([replicas, readyReplicas, currentReplicas, updatedReplicas], [3, 3, 3, 3]);
  assert.equal(currentRevision, updateRevision);
});

test('one that leaves its members to a successor makes no revision, so that the successor leaves them as they are', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one'));
  for (let i = 0; i < 4; i++) await makeReady(run);
  const { spec, metadata } = db('one');
  const leaving = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['orphan'] };
  cluster.put(statefulSetKind, { metadata: leaving, spec, status: status(cluster) } as unknown as V1StatefulSet);
  const orphan = <T extends V1Pod | V1ControllerRevision>(one: T): T => ({
    ...one,
    metadata: { ...one.metadata, ownerReferences: [] },
  });
  for (const one of cluster.list<V1ControllerRevision>(controllerRevisionKind)) cluster.put(controllerRevisionKind, orphan(one));
  for (const one of pods(cluster)) cluster.put(podKind, orphan(one));
  await run.settle();
  const uids = pods(cluster).map((pod) => pod.metadata?.uid);
  cluster.remove(statefulSetKind, 'db', 'a');
  cluster.put(statefulSetKind, { metadata: { ...metadata, uid: 's2' }, spec } as V1StatefulSet);
  for (let i = 0; i < 4; i++) await makeReady(run);
  assert.equal(cluster.sent('create', 'controllerrevisions').length, 1);
  assert.deepEqual(
    pods(cluster).map((pod) => pod.metadata?.uid),
    uids,
  );
  assert.ok(pods(cluster).every((pod) => pod.metadata?.ownerReferences?.[0]?.uid === 's2'));
});

test('scaling down takes the last first and keeps claims; scaling up brings members back to them', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one', { podManagementPolicy: 'Parallel' }));
  await run.settle();
  assert.equal(members(cluster).length, 3, 'parallel members come at once');
  await makeReady(run);
  change(cluster, db('one', { replicas: 1 }));
  await run.settle();
  assert.deepEqual(members(cluster), ['db-0:one']);
  assert.equal(claimNames(cluster).length, 3);
  change(cluster, db('one', { replicas: 2 }));
  await run.settle();
  assert.equal(cluster.sent('create', 'persistentvolumeclaims').length, 3, 'no second claim');
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one']);
});

test('a rolling update renews from the last to the first, and stops at a member that does not come up', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one'));
  for (let i = 0; i < 4; i++) await makeReady(run);
  change(cluster, db('two'));
  await run.settle();
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one', 'db-2:two']);
  await run.settle(600_000);
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one', 'db-2:two']);
  assert.notEqual(status(cluster)?.currentRevision, status(cluster)?.updateRevision);
  for (let i = 0; i < 4; i++) await makeReady(run);
  assert.deepEqual(members(cluster), ['db-0:two', 'db-1:two', 'db-2:two']);
  assert.equal(status(cluster)?.currentRevision, status(cluster)?.updateRevision);
});

test('members below the partition stay, and one of them that is lost comes back as it was', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
  cluster.put(statefulSetKind, db('one', { updateStrategy }));
  for (let i = 0; i < 4; i++) await makeReady(run);
  change(cluster, db('two', { updateStrategy }));
  for (let i = 0; i < 4; i++) await makeReady(run);
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one', 'db-2:two']);
  cluster.remove(podKind, 'db-0', 'a');
  await run.settle();
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one', 'db-2:two']);
});

test('a member that failed makes room for another of its name', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one', { replicas: 1 }));
  await makeReady(run);
  const [pod] = pods(cluster);
  cluster.put(podKind, { ...pod, status: { phase: 'Failed' } } as unknown as V1Pod);
  await run.settle();
  assert.notEqual(pods(cluster)[0]?.metadata?.uid, pod?.metadata?.uid);
  assert.ok(run.events.includes('db RecreatingFailedPod'));
});

test('claims go with the set or with the pods that scaling takes, when the set says so', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  const persistentVolumeClaimRetentionPolicy = { whenDeleted: 'Delete', whenScaled: 'Delete' };
  cluster.put(statefulSetKind, db('one', { replicas: 2, persistentVolumeClaimRetentionPolicy }));
  for (let i = 0; i < 3; i++) await makeReady(run);
  const ownerOf = (name: string) =>
    cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, name, 'a')?.metadata?.ownerReferences?.[0]?.kind;
  assert.equal(ownerOf('data-db-1'), 'StatefulSet');
  change(cluster, db('one', { replicas: 1, persistentVolumeClaimRetentionPolicy }));
  await run.settle();
  assert.equal(ownerOf('data-db-1'), 'Pod');
  assert.equal(ownerOf('data-db-0'), 'StatefulSet');
});

test('a member that comes back waits until claims that scaling down took are gone', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  const persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete' };
  cluster.put(statefulSetKind, db('one', { replicas: 1, persistentVolumeClaimRetentionPolicy }));
  for (let i = 0; i < 2; i++) await makeReady(run);
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'db-1', uid: 'gone', controller: true };
  const metadata = { name: 'data-db-1', namespace: 'a', ownerReferences: [owner] };
  cluster.put(persistentVolumeClaimKind, { metadata, spec: {} } as V1PersistentVolumeClaim);
  change(cluster, db('one', { replicas: 2, persistentVolumeClaimRetentionPolicy }));
  await run.settle(60_000);
  assert.deepEqual(members(cluster), ['db-0:one']);
  cluster.remove(persistentVolumeClaimKind, 'data-db-1', 'a');
  await run.settle();
  assert.deepEqual(members(cluster), ['db-0:one', 'db-1:one']);
  assert.equal(
    cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'data-db-1', 'a')?.metadata?.ownerReferences,
    undefined,
  );
});

test('a claim that somebody else controls stays with them, and that is told', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid: 'o', controller: true };
  const metadata = { name: 'data-db-0', namespace: 'a', ownerReferences: [owner] };
  cluster.put(persistentVolumeClaimKind, { metadata, spec: {} } as V1PersistentVolumeClaim);
  cluster.put(statefulSetKind, db('one', { replicas: 1, persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } }));
  for (let i = 0; i < 2; i++) await makeReady(run);
  assert.deepEqual(cluster.get<V1PersistentVolumeClaim>(persistentVolumeClaimKind, 'data-db-0', 'a')?.metadata?.ownerReferences, [
    owner,
  ]);
  assert.ok(run.events.includes('db ConflictingController'));
});

test('a claim that is deleted while its pod waits is made again', async () => {
  await using run = await runController(createStatefulSetController);
  const { cluster } = run;
  cluster.put(statefulSetKind, db('one', { replicas: 1 }));
  await run.settle();
  cluster.put(podKind, { ...pods(cluster)[0], status: { phase: 'Pending' } } as unknown as V1Pod);
  await run.settle();
  cluster.remove(persistentVolumeClaimKind, 'data-db-0', 'a');
  await run.settle();
  assert.deepEqual(claimNames(cluster), ['data-db-0']);
});

test('members may begin with another number than 0', async () => {
  await using run = await runController(createStatefulSetController);
  run.cluster.put(statefulSetKind, db('one', { replicas: 2, ordinals: { start: 5 } }));
  for (let i = 0; i < 3; i++) await makeReady(run);
  assert.deepEqual(members(run.cluster), ['db-5:one', 'db-6:one']);
});
