import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replicaSetKind } from '../../api/apps/v1/replica-set.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { replicationControllerKind } from '../../api/core/v1/replication-controller.ts';
import type { V1Pod, V1ReplicaSet } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import { runController, serverError, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createReplicaSetController, createReplicationControllerController } from './controller.ts';

const set = (replicas: number, more: object = {}) =>
  ({
    metadata: { name: 'web', namespace: 'a', uid: 'web-uid', generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      ...more,
    },
  }) as unknown as V1ReplicaSet;
const pods = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind);
const names = (cluster: TestingCluster) => pods(cluster).map((pod) => pod.metadata?.name);
const status = (cluster: TestingCluster) => cluster.get<V1ReplicaSet>(replicaSetKind, 'web', 'a')?.status;

function makeReady(cluster: TestingCluster, pod: V1Pod): void {
  const lastTransitionTime = new Date(cluster.clock.now()).toISOString();
  cluster.put(podKind, {
    ...pod,
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] },
  } as unknown as V1Pod);
}

test('as many pods are made as wanted, owned by the set, and counted in its status', async () => {
  await using run = await runController(createReplicaSetController);
  const { cluster } = run;
  cluster.put(replicaSetKind, set(3));
  await run.settle();
  assert.equal(pods(cluster).length, 3);
  const [owner] = pods(cluster)[0]!.metadata?.ownerReferences ?? [];
  assert.deepEqual(owner, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'web',
    uid: 'web-uid',
    controller: true,
    blockOwnerDeletion: true,
  });
  assert.equal(cluster.sent('create', 'pods').length, 3);
  for (const pod of pods(cluster)) makeReady(cluster, pod);
  await run.settle();
  assert.deepEqual(status(cluster), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    readyReplicas: 3,
    availableReplicas: 3,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
  assert.equal(run.events.filter((event) => event === 'web SuccessfulCreate').length, 3);
});

test('a pod that ends or is deleted is replaced, and scaling down takes those that are not ready', async () => {
  await using run = await runController(createReplicaSetController);
  const { cluster } = run;
  cluster.put(replicaSetKind, set(3));
  await run.settle();
  const [first, second, third] = pods(cluster);
  cluster.put(podKind, { ...first!, status: { phase: 'Failed' } } as unknown as V1Pod);
  makeReady(cluster, second!);
  await run.settle();
  assert.equal(pods(cluster).length, 4, 'the failed one stays for whoever looks, another was made');
  cluster.put(replicaSetKind, set(1));
  await run.settle();
  assert.deepEqual(names(cluster).sort(), [first!.metadata?.name, second!.metadata?.name].sort());
  assert.equal(names(cluster).includes(third!.metadata?.name), false);
});

test('orphans that it selects are adopted, pods that it selects no longer are released, those of others are left alone', async () => {
  await using run = await runController(createReplicaSetController);
  const { cluster } = run;
  const orphan = { metadata: { name: 'orphan', namespace: 'a', labels: { app: 'web' } } };
  const foreign = {
    metadata: {
      name: 'foreign',
      namespace: 'a',
      labels: { app: 'web' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'x', controller: true }],
    },
  };
  cluster.put(podKind, orphan);
  cluster.put(podKind, foreign);
  cluster.put(replicaSetKind, set(2));
  await run.settle();
  assert.equal(pods(cluster).length, 3);
  assert.equal(cluster.get<V1Pod>(podKind, 'orphan', 'a')?.metadata?.ownerReferences?.[0]?.uid, 'web-uid');
  assert.equal(cluster.get<V1Pod>(podKind, 'foreign', 'a')?.metadata?.ownerReferences?.[0]?.uid, 'x');
  const adopted = cluster.get<V1Pod>(podKind, 'orphan', 'a')!;
  cluster.put(podKind, { ...adopted, metadata: { ...adopted.metadata, labels: { app: 'other' } } } as V1Pod);
  await run.settle();
  assert.deepEqual(cluster.get<V1Pod>(podKind, 'orphan', 'a')?.metadata?.ownerReferences ?? [], []);
  assert.equal(pods(cluster).length, 4, 'and another was made in its place');
});

test('what the server refuses stands in the status, and one failure does not lead to a storm of requests', async () => {
  await using run = await runController(createReplicaSetController);
  const { cluster } = run;
  cluster.beforeWrite = ({ verb, resource }) => {
    if (verb === 'create' && resource === 'pods') throw serverError();
  };
  cluster.put(replicaSetKind, set(100));
  await run.settle();
  const condition = status(cluster)?.conditions?.[0];
  assert.deepEqual([condition?.type, condition?.status, condition?.reason], ['ReplicaFailure', 'True', 'FailedCreate']);
  assert.ok(cluster.sent('create', 'pods').length < 40, `${cluster.sent('create', 'pods').length} requests`);
  cluster.beforeWrite = () => undefined;
  await run.settle(1000);
  await run.settle(1000);
  assert.equal(pods(cluster).length, 100);
  assert.equal(status(cluster)?.conditions, undefined);
});

test('pods are available once they were ready for minReadySeconds, without anything else happening', async () => {
  await using run = await runController(createReplicaSetController);
  const { cluster } = run;
  cluster.put(replicaSetKind, set(1, { minReadySeconds: 10 }));
  await run.settle();
  makeReady(cluster, pods(cluster)[0]!);
  await run.settle(5000);
  assert.equal(status(cluster)?.availableReplicas, undefined);
  await run.settle(6000);
  assert.equal(status(cluster)?.availableReplicas, 1);
});

test('a set that is being deleted makes no pods', async () => {
  await using run = await runController(createReplicaSetController);
  const going = set(2);
  going.metadata = { ...going.metadata, finalizers: ['foregroundDeletion'], deletionTimestamp: '2026-01-01T00:00:00Z' as never };
  run.cluster.put(replicaSetKind, going);
  await run.settle();
  assert.equal(pods(run.cluster).length, 0);
});

test('a ReplicationController does the same by its older selector', async () => {
  await using run = await runController(createReplicationControllerController);
  const { cluster } = run;
  const controller = set(2, { selector: { app: 'web' } });
  cluster.put(replicationControllerKind, controller);
  await run.settle();
  assert.equal(pods(cluster).length, 2);
  assert.equal(pods(cluster)[0]?.metadata?.ownerReferences?.[0]?.kind, 'ReplicationController');
  assert.equal(cluster.get<V1ReplicaSet>(replicationControllerKind, 'web', 'a')?.status?.replicas, 2);
});

test('a set whose writes are seen only when nothing happens to it any more goes on all the same', async () => {
  const cluster = new TestingCluster();
  const { client } = cluster;
  // As while a long list is read anew: its pods are told of, and its version counts from its end on.
  const resource = ((kind: ResourceKind, namespace?: string) => {
    const found = client.resource<V1Pod>(kind, namespace);
    const create = async (pod: V1Pod) => {
      const { metadata, ...made } = (await found.create(pod)) as V1Pod;
      const later = kind === podKind ? 1000 : 0;
      return { ...made, metadata: { ...metadata, resourceVersion: String(Number(metadata?.resourceVersion) + later) } };
    };
    return { ...found, create };
  }) as typeof client.resource;
  Object.defineProperty(cluster, 'client', { value: { ...client, resource } });
  await using run = await runController(createReplicaSetController, cluster);
  cluster.put(replicaSetKind, set(501));
  await run.settle();
  assert.equal(pods(cluster).length, 500);
  for (let i = 0; i < 1000; i++)
    cluster.put(podKind, {
      metadata: { name: 'other', namespace: 'b', labels: { i: `${i}` } },
      status: { phase: 'Succeeded' },
    } as V1Pod);
  await run.settle(1000);
  assert.equal(cluster.list<V1Pod>(podKind).filter(({ metadata }) => metadata?.namespace === 'a').length, 501);
});
