import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, serverError, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createPodGcController } from './controller.ts';

const make = (context: ControllerContext) => createPodGcController(context, { terminatedPodThreshold: 1 });
const pod = (name: string, spec: object, status: object = { phase: 'Running' }, metadata: object = {}) => ({
  metadata: { name, namespace: 'default', ...metadata },
  spec,
  status,
});
const names = (cluster: TestingCluster) => cluster.list<V1Pod>(podKind).map((p) => p.metadata?.name);

test('pods of a node that is gone are ended and deleted after a while, those of nodes that are there stay', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  cluster.put(nodeKind, { metadata: { name: 'here' } });
  cluster.put(podKind, pod('stays', { nodeName: 'here' }));
  cluster.put(podKind, pod('orphan', { nodeName: 'gone' }));
  await run.settle(59_000);
  assert.deepEqual(names(cluster), ['stays', 'orphan']);
  await run.settle(2000);
  assert.deepEqual(names(cluster), ['stays']);
  const said = cluster.sent('patch', 'pods/status')[0]?.body as V1Pod;
  assert.equal(said.status?.phase, 'Failed');
  assert.equal(said.status?.conditions?.[0]?.message, 'PodGC: node no longer exists');
});

test('of ended pods the oldest go until the threshold is kept', async () => {
  await using run = await runController(make);
  run.cluster.put(podKind, pod('new', {}, { phase: 'Succeeded' }, { creationTimestamp: '2026-01-01T00:00:00Z' }));
  run.cluster.put(podKind, pod('old', {}, { phase: 'Failed' }, { creationTimestamp: '2025-01-01T00:00:00Z' }));
  await run.settle(21_000);
  assert.deepEqual(names(run.cluster), ['new']);
});

test('a pod that is deleted before it got a node goes', async () => {
  await using run = await runController(make);
  run.cluster.put(podKind, pod('unbound', {}, { phase: 'Pending' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  await run.settle(21_000);
  assert.deepEqual(names(run.cluster), []);
  assert.deepEqual(run.cluster.sent('patch', 'pods/status')[0]?.body, {
    metadata: { uid: 'uid-unbound-1' },
    status: { phase: 'Failed' },
  });
});

test('pods that end on a node out of service go, unless that is Ready', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  const taints = [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }];
  for (const [name, ready, marked] of [
    ['off', 'Unknown', true],
    ['on', 'True', true],
    ['silent', 'Unknown', false],
  ] as const)
    cluster.put(nodeKind, {
      metadata: { name },
      spec: { taints: marked ? taints : [] },
      status: { conditions: [{ type: 'Ready', status: ready }] },
    } as never);
  const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['keep'] };
  for (const node of ['off', 'on', 'silent']) cluster.put(podKind, pod(`ends-on-${node}`, { nodeName: node }, undefined, going));
  cluster.put(podKind, pod('stays-on-off', { nodeName: 'off' }));
  await run.settle(21_000);
  assert.deepEqual(
    cluster.sent('delete', 'pods').map(({ name }) => name),
    ['ends-on-off'],
  );
  assert.equal(cluster.get<V1Pod>(podKind, 'ends-on-off', 'default')?.status?.phase, 'Failed');
});

test('of ended pods those go first that were evicted', async () => {
  await using run = await runController(make);
  const created = (creationTimestamp: string) => ({ creationTimestamp });
  run.cluster.put(podKind, pod('old', {}, { phase: 'Failed' }, created('2025-01-01T00:00:00Z')));
  run.cluster.put(podKind, pod('evicted', {}, { phase: 'Failed', reason: 'Evicted' }, created('2026-01-01T00:00:00Z')));
  await run.settle(21_000);
  assert.deepEqual(names(run.cluster), ['old']);
});

test('a pod that the server does not let go keeps none of the others', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  cluster.beforeWrite = ({ verb, name }) => {
    if (verb === 'delete' && name?.startsWith('held')) throw serverError();
  };
  cluster.put(podKind, pod('held-ended', {}, { phase: 'Failed' }, { creationTimestamp: '2025-01-01T00:00:00Z' }));
  cluster.put(podKind, pod('ended', {}, { phase: 'Failed' }, { creationTimestamp: '2025-01-02T00:00:00Z' }));
  cluster.put(podKind, pod('newest', {}, { phase: 'Failed' }, { creationTimestamp: '2025-01-03T00:00:00Z' }));
  for (const name of ['held-orphan', 'orphan']) cluster.put(podKind, pod(name, { nodeName: 'gone' }));
  await run.settle(100_000);
  assert.deepEqual(names(cluster), ['held-ended', 'held-orphan']);
  cluster.beforeWrite = () => undefined;
  await run.settle(20_000);
  assert.deepEqual(names(cluster), []);
});

test('where no answer comes a pass ends, with what it goes by', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  let asked = 0;
  cluster.beforeWrite = () => {
    asked++;
    throw new Error('the connection was lost');
  };
  for (const name of ['one', 'two', 'three']) cluster.put(podKind, pod(name, {}, { phase: 'Failed' }));
  await run.settle(21_000);
  assert.equal(asked, 1);
  cluster.beforeWrite = () => undefined;
  await run.settle(20_000);
  assert.equal(names(cluster).length, 1);
});
