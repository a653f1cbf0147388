import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { tolerates } from '../../api/core/v1/taint-toleration.ts';
import type { V1Pod, V1Taint, V1Toleration } from '../../api/gen/types.ts';
import { runController, serverError, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createTaintEvictionController } from './controller.ts';
import { planEviction } from './plan.ts';

const unreachable: V1Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-01-01T00:00:00Z' };
const T0 = Date.parse('2026-01-01T00:00:00Z');
const tolerating = (tolerationSeconds?: number): V1Toleration => ({
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds !== undefined && { tolerationSeconds }),
});
const pod = (tolerations: V1Toleration[] = []): V1Pod => ({
  metadata: { name: 'p', namespace: 'default' },
  spec: { nodeName: 'n', containers: [], tolerations },
  status: { phase: 'Running' },
});
const node = (...taints: V1Taint[]) => ({ metadata: { name: 'n' }, spec: { taints } });

const plans: [string, V1Pod, V1Taint[], ReturnType<typeof planEviction>][] = [
  ['no taint', pod(), [], 'never'],
  ['no toleration', pod(), [unreachable], { atMs: 0 }],
  ['tolerated for ever', pod([tolerating()]), [unreachable], 'never'],
  ['tolerated for a time from when the taint came', pod([tolerating(300)]), [unreachable], { atMs: T0 + 300_000 }],
  ['the first of two that tolerate it', pod([tolerating(300), tolerating(10)]), [unreachable], { atMs: T0 + 300_000 }],
  ['the first, for ever', pod([{ operator: 'Exists' }, tolerating(10)]), [unreachable], 'never'],
  [
    'the shorter time of two taints',
    pod([tolerating(300), { key: 'other', operator: 'Exists', tolerationSeconds: 10 }]),
    [unreachable, { ...unreachable, key: 'other' }],
    { atMs: T0 + 10_000 },
  ],
  ['a negative time is none', pod([tolerating(-1)]), [unreachable], { atMs: T0 }],
  ['NoSchedule evicts nobody', pod(), [{ ...unreachable, effect: 'NoSchedule' }], 'never'],
];
for (const [title, p, taints, expected] of plans)
  test(`eviction: ${title}`, () => {
    assert.deepEqual(planEviction(p, node(...taints), 0), expected);
  });

test('tolerations match by key, value and effect, each of which may be left out', () => {
  const taint: V1Taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  assert.equal(tolerates({ operator: 'Exists' }, taint), true);
  assert.equal(tolerates({ key: 'k', operator: 'Exists' }, taint), true);
  assert.equal(tolerates({ key: 'k', value: 'v' }, taint), true);
  assert.equal(tolerates({ key: 'k', value: 'w' }, taint), false);
  assert.equal(tolerates({ key: 'k', value: 'v', effect: 'NoSchedule' }, taint), false);
  assert.equal(tolerates({ value: 'v' }, taint), false);
});

const has = (cluster: TestingCluster) => cluster.get(podKind, 'p', 'default') !== undefined;

test('a pod leaves when its time is over, saying why', async () => {
  await using run = await runController(createTaintEvictionController);
  run.cluster.put(podKind, pod([tolerating(300)]));
  run.cluster.put(nodeKind, node(unreachable));
  await run.settle(299_000);
  assert.equal(has(run.cluster), true);
  await run.settle(1000);
  assert.equal(has(run.cluster), false);
  const status = run.cluster.sent('patch', 'pods/status')[0]?.body as V1Pod;
  assert.equal(status.status?.conditions?.[0]?.reason, 'DeletionByTaintManager');
  assert.deepEqual(run.events, ['p TaintManagerEviction']);
});

test('a node that recovers in time keeps its pods', async () => {
  await using run = await runController(createTaintEvictionController);
  run.cluster.put(podKind, pod([tolerating(300)]));
  run.cluster.put(nodeKind, node(unreachable));
  await run.settle(200_000);
  run.cluster.put(nodeKind, node());
  await run.settle(400_000);
  assert.equal(has(run.cluster), true);
});

test('a pod that does not tolerate the taint leaves at once', async () => {
  await using run = await runController(createTaintEvictionController);
  run.cluster.put(nodeKind, node(unreachable));
  run.cluster.put(podKind, pod());
  await run.settle();
  assert.equal(has(run.cluster), false);
});

test('a pod whose deletion fails is tried again at once, and waits no second time', async () => {
  await using run = await runController(createTaintEvictionController);
  const { cluster } = run;
  cluster.put(podKind, pod([tolerating(300)]));
  cluster.put(nodeKind, node({ ...unreachable, timeAdded: undefined }));
  let left = 1;
  cluster.beforeWrite = ({ verb }) => {
    if (verb === 'delete' && left-- > 0) throw serverError();
  };
  await run.settle(300_000);
  await run.settle(1000);
  assert.equal(left, -1);
  assert.equal(has(cluster), false);
});
