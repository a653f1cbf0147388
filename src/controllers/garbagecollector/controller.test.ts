import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { KubeObject, OwnerReference } from '../../api/machinery/object.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createGarbageCollector } from './controller.ts';

const make = (context: ControllerContext) => createGarbageCollector(context, { metadataClient: context.client });

function newCluster(): TestingCluster {
  const cluster = new TestingCluster();
  cluster.kinds = [configMapKind, podKind, secretKind, nodeKind];
  return cluster;
}

/** A ConfigMap owned by Pods of these names and UIDs. */
const owned = (name: string, ...owners: Partial<OwnerReference>[]) => ({
  metadata: {
    name,
    namespace: 'default',
    ownerReferences: owners.map((o) => ({ apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: 'u1', ...o })),
  },
});
const owner = (extra: object = {}) => ({ metadata: { name: 'owner', namespace: 'default', uid: 'u1', ...extra } });
const has = (cluster: TestingCluster, name: string) => cluster.get<KubeObject>(configMapKind, name, 'default') !== undefined;

test('what is owned goes after its owner, down the whole chain', async () => {
  await using run = await runController(make, newCluster());
  const { cluster } = run;
  cluster.put(podKind, owner());
  cluster.put(configMapKind, { metadata: { ...owned('child', {}).metadata, uid: 'u2' } });
  cluster.put(configMapKind, owned('grandchild', { kind: 'ConfigMap', name: 'child', uid: 'u2' }));
  cluster.put(configMapKind, owned('unowned'));
  await run.settle();
  assert.equal(cluster.requests.length, 0);
  cluster.remove(podKind, 'owner', 'default');
  await run.settle(10);
  assert.deepEqual([has(cluster, 'child'), has(cluster, 'grandchild'), has(cluster, 'unowned')], [false, false, true]);
});

test('what is created with an owner that is gone already is deleted', async () => {
  await using run = await runController(make, newCluster());
  run.cluster.put(configMapKind, owned('late', {}));
  await run.settle(10);
  assert.equal(has(run.cluster, 'late'), false);
});

test('an owner of the same name and another UID is not the owner', async () => {
  const cluster = newCluster();
  cluster.put(podKind, owner({ uid: 'made-anew' }));
  cluster.put(configMapKind, owned('child', {}));
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.equal(has(cluster, 'child'), false);
});

test('an owner in another namespace is no owner', async () => {
  const cluster = newCluster();
  cluster.put(podKind, { metadata: { name: 'owner', namespace: 'other', uid: 'u1' } });
  cluster.put(configMapKind, owned('child', {}));
  await using run = await runController(make, cluster);
  await run.settle(10);
  assert.equal(has(cluster, 'child'), false);
});

test('an object keeps living by its last owner and only loses the reference to the other', async () => {
  await using run = await runController(make, newCluster());
  const { cluster } = run;
  cluster.put(podKind, owner());
  cluster.put(nodeKind, { metadata: { name: 'n', uid: 'u9' } });
  cluster.put(configMapKind, owned('child', {}, { kind: 'Node', name: 'n', uid: 'u9' }));
  await run.settle();
  cluster.remove(podKind, 'owner', 'default');
  await run.settle(10);
  const refs = cluster.get<KubeObject>(configMapKind, 'child', 'default')?.metadata?.ownerReferences;
  assert.deepEqual(
    refs?.map((ref) => ref.uid),
    ['u9'],
  );
});

test('in the foreground an owner goes after the dependents that block it', async () => {
  await using run = await runController(make, newCluster());
  const { cluster } = run;
  cluster.put(podKind, owner());
  cluster.put(configMapKind, owned('child', { blockOwnerDeletion: true }));
  await run.settle();
  await cluster.client.resource(podKind, 'default').delete('owner', { propagationPolicy: 'Foreground' });
  await run.settle(50);
  assert.equal(has(cluster, 'child'), false);
  assert.equal(cluster.get(podKind, 'owner', 'default'), undefined);
  const order = cluster.requests.filter((r) => r.verb === 'delete' || r.verb === 'patch').map((r) => `${r.verb} ${r.name}`);
  assert.deepEqual(order, ['delete owner', 'delete child', 'patch owner']);
});

test('orphans stay, without the reference to their owner', async () => {
  await using run = await runController(make, newCluster());
  const { cluster } = run;
  cluster.put(podKind, owner());
  cluster.put(configMapKind, owned('child', { blockOwnerDeletion: true }));
  await run.settle();
  await cluster.client.resource(podKind, 'default').delete('owner', { propagationPolicy: 'Orphan' });
  await run.settle(50);
  assert.equal(cluster.get(podKind, 'owner', 'default'), undefined);
  assert.deepEqual(cluster.get<KubeObject>(configMapKind, 'child', 'default')?.metadata?.ownerReferences, []);
});

test('a kind that comes later is looked after from then on', async () => {
  const cluster = newCluster();
  cluster.kinds = [podKind];
  cluster.put(configMapKind, owned('child', {}));
  await using run = await runController(make, cluster);
  await run.settle(1000);
  assert.equal(has(cluster, 'child'), true);
  cluster.kinds = [podKind, configMapKind];
  await run.settle(31_000);
  assert.equal(has(cluster, 'child'), false);
});

test('a kind that a definition brings is looked after within a second', async () => {
  const definitionKind = {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    resource: 'customresourcedefinitions',
    namespaced: false,
  };
  const widgetKind = { group: 'example.com', version: 'v1', kind: 'Widget', resource: 'widgets', namespaced: true };
  const cluster = newCluster();
  cluster.kinds = [definitionKind, podKind];
  cluster.put(widgetKind, owned('child', {}));
  await using run = await runController(make, cluster);
  await run.settle(10);
  cluster.kinds = [definitionKind, podKind, widgetKind];
  cluster.put(definitionKind, { metadata: { name: 'widgets.example.com' } });
  await run.settle(1000);
  assert.equal(cluster.get(widgetKind, 'child', 'default'), undefined);
});

test('a reference to an owner in another namespace is told of', async () => {
  const cluster = newCluster();
  cluster.put(podKind, { metadata: { name: 'owner', namespace: 'other', uid: 'u1' } });
  await using run = await runController(make, cluster);
  await run.settle(10);
  cluster.put(configMapKind, owned('child', {}));
  await run.settle(10);
  assert.deepEqual(run.events, ['child OwnerRefInvalidNamespace']);
});

test('an object without a namespace whose owner has one stays, and the owner that was seen is told of', async () => {
  for (const isSeen of [true, false]) {
    const cluster = newCluster();
    if (isSeen) cluster.put(podKind, owner());
    await using run = await runController(make, cluster);
    await run.settle(10);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: 'u1' }];
    cluster.put(nodeKind, { metadata: { name: 'whole', ownerReferences } });
    await run.settle(120_000);
    cluster.remove(podKind, 'owner', 'default');
    await run.settle(120_000);
    assert.ok(cluster.get(nodeKind, 'whole'));
    assert.deepEqual(run.events, isSeen ? ['whole OwnerRefInvalidNamespace'] : []);
  }
});

test('an owner of a kind that nobody serves keeps its dependents', async () => {
  const cluster = newCluster();
  cluster.put(configMapKind, owned('child', { apiVersion: 'example.com/v1', kind: 'Thing' }));
  await using run = await runController(make, cluster);
  await run.settle(120_000);
  assert.equal(has(cluster, 'child'), true);
});
