import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configMapKind } from '../../api/core/v1/config-map.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { secretKind } from '../../api/core/v1/secret.ts';
import { serviceAccountKind } from '../../api/core/v1/service-account.ts';
import type { V1ConfigMap, V1Pod, V1Secret, V1ServiceAccount } from '../../api/gen/types.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createLegacyTokenCleaner } from './controller.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const INVALID = 'kubernetes.io/legacy-token-invalid-since';

/** Tracked since two years; the account `builder` names the tokens `auto` and `mounted`. */
function clusterWithTokens(since: string | undefined): TestingCluster {
  const cluster = new TestingCluster();
  if (since)
    cluster.put(configMapKind, {
      metadata: { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' },
      data: { since },
    } as V1ConfigMap);
  const metadata = { name: 'builder', namespace: 'a', uid: 'builder-uid' };
  cluster.put(serviceAccountKind, {
    metadata,
    secrets: ['auto', 'mounted', 'used'].map((name) => ({ name })),
  } as V1ServiceAccount);
  for (const [name, lastUsed] of [
    ['auto', '2024-03-01'],
    ['mounted', undefined],
    ['used', '2025-12-01'],
    ['by-hand', undefined],
  ] as const)
    cluster.put(secretKind, {
      metadata: {
        name,
        namespace: 'a',
        creationTimestamp: '2023-01-01T00:00:00Z',
        annotations: { 'kubernetes.io/service-account.name': 'builder' },
        ...(lastUsed && { labels: { 'kubernetes.io/legacy-token-last-used': lastUsed } }),
      },
      type: 'kubernetes.io/service-account-token',
    } as unknown as V1Secret);
  cluster.put(podKind, {
    metadata: { name: 'web', namespace: 'a' },
    spec: { volumes: [{ name: 't', secret: { secretName: 'mounted' } }] },
  } as unknown as V1Pod);
  return cluster;
}
const marked = (cluster: TestingCluster) =>
  cluster
    .list<V1Secret>(secretKind)
    .filter(({ metadata }) => metadata?.labels?.[INVALID])
    .map(({ metadata }) => metadata?.name);
const names = (cluster: TestingCluster) => cluster.list<V1Secret>(secretKind).map(({ metadata }) => metadata?.name);

test('a token that was made by itself and that nobody uses is marked, and deleted as long again afterwards', async () => {
  const cluster = clusterWithTokens('2024-01-01');
  await using run = await runController((context) => createLegacyTokenCleaner(context), cluster);
  assert.deepEqual(marked(cluster), ['auto']);
  assert.equal(cluster.get<V1Secret>(secretKind, 'auto', 'a')?.metadata?.labels?.[INVALID], '2026-01-01');
  for (let day = 0; day < 363; day += 33) await run.settle(33 * DAY_MS);
  assert.ok(names(cluster).includes('auto'));
  await run.settle(5 * DAY_MS);
  assert.ok(!names(cluster).includes('auto'));
  assert.ok(names(cluster).includes('mounted') && names(cluster).includes('by-hand'));
});

test('before use has been noted for long enough nothing is touched, and neither where it is not noted', async () => {
  for (const since of [undefined, 'yesterday', '2025-01-01']) {
    const cluster = clusterWithTokens(since);
    await using _run = await runController((context) => createLegacyTokenCleaner(context, { periodMs: YEAR_MS }), cluster);
    assert.deepEqual(cluster.requests, [], String(since));
  }
});
