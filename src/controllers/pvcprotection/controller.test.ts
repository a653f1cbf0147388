import assert from 'node:assert/strict';
import { test } from 'node:test';
import { persistentVolumeKind } from '../../api/core/v1/persistent-volume.ts';
import { persistentVolumeClaimKind } from '../../api/core/v1/persistent-volume-claim.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createPvProtectionController } from '../pvprotection/controller.ts';
import { createPvcProtectionController } from './controller.ts';

const FINALIZER = 'kubernetes.io/pvc-protection';
const DELETED = '2026-01-01T00:00:00Z';
const claim = (metadata: object = {}) => ({ metadata: { name: 'c', namespace: 'ns', ...metadata } });
const going = claim({ finalizers: [FINALIZER], deletionTimestamp: DELETED });
const pod = (more: object = {}, spec: object = {}) => ({
  metadata: { name: 'p', namespace: 'ns', uid: 'u', ...more },
  spec: { nodeName: 'n', containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }], ...spec },
});
const there = (cluster: TestingCluster) => cluster.get<KubeObject>(persistentVolumeClaimKind, 'c', 'ns');

test('a claim that is being deleted stays while a pod uses it, and goes with the pod', async () => {
  const cluster = new TestingCluster();
  cluster.put(podKind, pod());
  cluster.put(persistentVolumeClaimKind, going);
  await using run = await runController(createPvcProtectionController, cluster);
  await run.settle(1000);
  assert.ok(there(cluster));
  cluster.remove(podKind, 'p', 'ns');
  await run.settle(10);
  assert.equal(there(cluster), undefined);
});

test('a claim that nobody uses goes at once; a pod on no node does not keep it', async () => {
  const cluster = new TestingCluster();
  cluster.put(podKind, pod({}, { nodeName: '' }));
  cluster.put(persistentVolumeClaimKind, going);
  await using run = await runController(createPvcProtectionController, cluster);
  await run.settle(10);
  assert.equal(there(cluster), undefined);
});

test('of many claims of a namespace the server is asked once', async () => {
  const cluster = new TestingCluster();
  let listed = 0;
  const { client } = cluster;
  const resource = client.resource.bind(client);
  const counting = ((kind: ResourceKind, namespace?: string) => {
    const found = resource(kind, namespace);
    const list: typeof found.list = (options) => {
      if (kind.resource === 'pods') listed++;
      return found.list(options);
    };
    return { ...found, list };
  }) as typeof client.resource;
  Object.defineProperty(cluster, 'client', { value: { ...client, resource: counting } });
  const many = Array.from({ length: 100 }, (_, i) => `c${i}`);
  for (const name of many)
    cluster.put(persistentVolumeClaimKind, claim({ name, finalizers: [FINALIZER], deletionTimestamp: DELETED }));
  await using run = await runController(createPvcProtectionController, cluster);
  await run.settle(10);
  assert.deepEqual(
    many.filter((name) => cluster.get(persistentVolumeClaimKind, name, 'ns')),
    [],
  );
  assert.equal(listed, 2, 'the informer, and once for all of them');
});

test('a claim that the server does not let go keeps none of the others, and goes when it may', async () => {
  const cluster = new TestingCluster();
  const names = ['first', 'refused', 'last'];
  for (const name of names)
    cluster.put(persistentVolumeClaimKind, claim({ name, finalizers: [FINALIZER], deletionTimestamp: DELETED }));
  cluster.beforeWrite = ({ name }) => {
    if (name === 'refused') throw new Error('denied the request');
  };
  const left = () => names.filter((name) => cluster.get(persistentVolumeClaimKind, name, 'ns'));
  await using run = await runController(createPvcProtectionController, cluster);
  await run.settle(1000);
  assert.deepEqual(left(), ['refused']);
  cluster.beforeWrite = () => undefined;
  await run.settle(10_000);
  assert.deepEqual(left(), []);
});

test('a claim that was made before gets its finalizer', async () => {
  const cluster = new TestingCluster();
  cluster.put(persistentVolumeClaimKind, claim());
  await using run = await runController(createPvcProtectionController, cluster);
  await run.settle(10);
  assert.deepEqual(there(cluster)?.metadata?.finalizers, [FINALIZER]);
  assert.equal(cluster.requests.length, 1);
});

for (const [what, owner, metadata, stays] of [
  ['an ephemeral volume\u2019s claim stays with its pod', 'u', {}, true],
  ['somebody else\u2019s claim of that name goes', 'other', {}, false],
  [
    'it goes when the kubelet is done with the pod',
    'u',
    { deletionTimestamp: DELETED, deletionGracePeriodSeconds: 0, finalizers: ['x'] },
    false,
  ],
] as const) {
  test(what, async () => {
    const cluster = new TestingCluster();
    cluster.put(podKind, pod(metadata, { volumes: [{ name: 'v', ephemeral: {} }] }));
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: owner, controller: true }];
    const name = 'p-v';
    cluster.put(persistentVolumeClaimKind, { metadata: { ...going.metadata, name, ownerReferences } });
    await using run = await runController(createPvcProtectionController, cluster);
    await run.settle(10);
    assert.equal(cluster.get(persistentVolumeClaimKind, name, 'ns') !== undefined, stays);
  });
}

test('a volume goes when it is bound no more', async () => {
  const cluster = new TestingCluster();
  const volume = (phase: string) => ({
    metadata: { name: 'v', finalizers: ['kubernetes.io/pv-protection'], deletionTimestamp: DELETED },
    status: { phase },
  });
  cluster.put(persistentVolumeKind, volume('Bound'));
  await using run = await runController(createPvProtectionController, cluster);
  await run.settle(10);
  assert.equal(cluster.requests.length, 0);
  cluster.put(persistentVolumeKind, volume('Released'));
  await run.settle(10);
  assert.equal(cluster.get(persistentVolumeKind, 'v'), undefined);
});

test('a volume that was made before gets its finalizer', async () => {
  const cluster = new TestingCluster();
  cluster.put(persistentVolumeKind, { metadata: { name: 'v' } });
  await using run = await runController(createPvProtectionController, cluster);
  await run.settle(10);
  assert.deepEqual(cluster.get<KubeObject>(persistentVolumeKind, 'v')?.metadata?.finalizers, ['kubernetes.io/pv-protection']);
});
