import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import type { V1Namespace } from '../../api/gen/types.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createNamespaceController } from './controller.ts';

function clusterWithContent(): TestingCluster {
  const cluster = new TestingCluster();
  cluster.kinds = [namespaceKind, podKind, secretKind, configMapKind];
  cluster.put(namespaceKind, {
    metadata: { name: 'doomed', deletionTimestamp: '2026-01-01T00:00:00Z' },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Terminating' },
  });
  cluster.put(secretKind, { metadata: { name: 'a', namespace: 'doomed' } });
  cluster.put(configMapKind, { metadata: { name: 'b', namespace: 'doomed' } });
  cluster.put(configMapKind, { metadata: { name: 'b', namespace: 'other' } });
  return cluster;
}

test('a namespace goes with all that is in it and nothing else', async () => {
  await using run = await runController(createNamespaceController, clusterWithContent());
  await run.settle(1000);
  assert.equal(run.cluster.get(namespaceKind, 'doomed'), undefined);
  assert.deepEqual(run.cluster.list(secretKind), []);
  assert.equal(run.cluster.list(configMapKind).length, 1);
});

test('what is still there stands in the conditions, and the namespace waits for it', async () => {
  const cluster = clusterWithContent();
  cluster.put(podKind, { metadata: { name: 'p', namespace: 'doomed', finalizers: ['example.com/hold'] } });
  await using run = await runController(createNamespaceController, cluster);
  await run.settle(1000);
  const conditions = cluster.get<V1Namespace>(namespaceKind, 'doomed')?.status?.conditions ?? [];
  const byType = Object.fromEntries(conditions.map((c) => [c.type, `${c.status} ${c.reason}: ${c.message}`]));
  assert.deepEqual(byType, {
    NamespaceDeletionDiscoveryFailure: 'False ResourcesDiscovered: All resources successfully discovered',
    NamespaceDeletionGroupVersionParsingFailure: 'False ParsedGroupVersions: All legacy kube types successfully parsed',
    NamespaceDeletionContentFailure: 'False ContentDeleted: All content successfully deleted, may be waiting on finalization',
    NamespaceContentRemaining: 'True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances',
    NamespaceFinalizersRemaining:
      'True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
  });
  cluster.remove(podKind, 'p', 'doomed');
  await run.settle(20_000);
  assert.equal(cluster.get(namespaceKind, 'doomed'), undefined);
});

test('pods go before everything else', async () => {
  const cluster = clusterWithContent();
  cluster.put(podKind, { metadata: { name: 'p', namespace: 'doomed', finalizers: ['example.com/hold'] } });
  await using run = await runController(createNamespaceController, cluster);
  await run.settle(1000);
  assert.ok(cluster.get(secretKind, 'a', 'doomed'));
  cluster.remove(podKind, 'p', 'doomed');
  await run.settle(20_000);
  assert.deepEqual(cluster.list(secretKind), []);
  assert.equal(cluster.get(namespaceKind, 'doomed'), undefined);
});

test('of thousands of finalizers some are told of', async () => {
  const cluster = clusterWithContent();
  const finalizers = Array.from({ length: 5_000 }, (_, i) => `example.com/f${i}`);
  cluster.put(configMapKind, { metadata: { name: 'held', namespace: 'doomed', finalizers } });
  await using run = await runController(createNamespaceController, cluster);
  await run.settle(1000);
  const { conditions } = cluster.get<V1Namespace>(namespaceKind, 'doomed')?.status ?? {};
  const { message = '' } = conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining') ?? {};
  assert.match(message, /^Some content in the namespace has finalizers remaining: example\.com\/f0 in 1 resource instances, /);
  assert.equal(message.split(', ').length, 100);
});
