import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1DeviceTaint, V1DeviceToleration, V1Pod } from '../../api/gen/types.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { resourceSliceKind } from '../../api/resource/v1/resource-slice.ts';
import { runController, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createDeviceTaintEvictionController } from './controller.ts';
import { evictionMs } from './plan.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const broken: V1DeviceTaint = { key: 'broken', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' };
const tolerating = (tolerationSeconds?: number): V1DeviceToleration => ({
  ...{ key: 'broken', operator: 'Exists' },
  ...(tolerationSeconds !== undefined && { tolerationSeconds }),
});

const plans: [string, V1DeviceTaint[], V1DeviceToleration[], number | undefined][] = [
  ['no taint', [], [], undefined],
  ['NoSchedule keeps who is there', [{ ...broken, effect: 'NoSchedule' }], [], undefined],
  ['not tolerated', [broken], [], T0],
  ['tolerated for ever', [broken], [tolerating()], undefined],
  ['tolerated for a time', [broken], [tolerating(30), tolerating(10)], T0 + 10_000],
  ['the first of two', [broken, { ...broken, key: 'other' }], [tolerating(30)], T0],
];
for (const [title, taints, tolerations, expected] of plans)
  test(`eviction from a device: ${title}`, () => {
    assert.equal(evictionMs(taints, tolerations), expected);
  });

/** A pod that uses device `d0` through a claim. */
function clusterWith(tolerations: V1DeviceToleration[] = [], pod: object = {}): TestingCluster {
  const cluster = new TestingCluster();
  cluster.put(podKind, {
    metadata: { name: 'p', namespace: 'a', uid: 'p-uid' },
    spec: { nodeName: 'n', containers: [], resourceClaims: [{ name: 'gpu', resourceClaimName: 'c' }], ...pod },
    status: { phase: 'Running' },
  } as unknown as V1Pod);
  const results = [{ driver: 'd.example.com', pool: 'n', device: 'd0', request: 'gpu', tolerations }];
  const reservedFor = [{ resource: 'pods', name: 'p', uid: 'p-uid' }];
  const status = { allocation: { devices: { results } }, reservedFor };
  cluster.put(resourceClaimKind, { metadata: { name: 'c', namespace: 'a' }, spec: {}, status } as never);
  return cluster;
}
function taint(cluster: TestingCluster, taints: V1DeviceTaint[], generation = 1, device = 'd0'): void {
  const pool = { name: 'n', generation, resourceSliceCount: 1 };
  const spec = { driver: 'd.example.com', nodeName: 'n', pool, devices: [{ name: device, taints }] };
  cluster.put(resourceSliceKind, { metadata: { name: `slice-${generation}` }, spec } as never);
}
const has = (cluster: TestingCluster) => cluster.get(podKind, 'p', 'a') !== undefined;

test('a pod leaves a device that is tainted, saying why', async () => {
  await using run = await runController(createDeviceTaintEvictionController, clusterWith());
  taint(run.cluster, [broken], 1, 'another');
  await run.settle();
  assert.equal(has(run.cluster), true);
  taint(run.cluster, [broken]);
  await run.settle();
  assert.equal(has(run.cluster), false);
  const said = run.cluster.sent('patch', 'pods/status')[0]?.body as V1Pod | undefined;
  assert.equal(said?.status?.conditions?.[0]?.reason, 'DeletionByDeviceTaintManager');
  assert.deepEqual(run.events, ['p DeviceTaintManagerEviction']);
});

test('a device that recovers in time keeps its pods, and what an older generation said counts no more', async () => {
  await using run = await runController(createDeviceTaintEvictionController, clusterWith([tolerating(60)]));
  taint(run.cluster, [broken]);
  await run.settle(30_000);
  taint(run.cluster, [], 2);
  await run.settle(60_000);
  assert.equal(has(run.cluster), true);
  assert.deepEqual(run.messages, ['Cancelling deletion of Pod a/p']);
  taint(run.cluster, [broken], 3);
  await run.settle();
  assert.equal(has(run.cluster), false);
});

test('a pod that is on no node yet is let be', async () => {
  await using run = await runController(createDeviceTaintEvictionController, clusterWith([], { nodeName: undefined }));
  taint(run.cluster, [broken]);
  await run.settle();
  assert.equal(has(run.cluster), true);
});
