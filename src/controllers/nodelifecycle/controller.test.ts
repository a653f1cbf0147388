import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaseKind } from '../../api/coordination/v1/lease.ts';
import { nodeKind } from '../../api/core/v1/node.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import type { V1Node, V1Pod } from '../../api/gen/types.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, type TestingCluster } from '../framework/testing-client.test-support.ts';
import { createNodeLifecycleController } from './controller.ts';

const make = (context: ControllerContext) =>
  createNodeLifecycleController(context, {
    monitorPeriodMs: 2000,
    gracePeriodMs: 16_000,
    startupGracePeriodMs: 60_000,
    evictionRate: 0.1,
    secondaryEvictionRate: 0.01,
    largeClusterThreshold: 50,
    unhealthyZoneThreshold: 0.55,
  });

function beat(cluster: TestingCluster, name: string): void {
  const lease = {
    metadata: { name, namespace: 'kube-node-lease' },
    spec: { renewTime: new Date(cluster.clock.now()).toISOString() },
  };
  cluster.put(leaseKind, lease);
}
function addNode(cluster: TestingCluster, name: string, status = 'True'): void {
  cluster.put(nodeKind, {
    metadata: { name },
    spec: {},
    status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime: '2026-01-01T00:00:00Z' }] },
  });
  beat(cluster, name);
}
const addPod = (cluster: TestingCluster, nodeName: string) =>
  cluster.put(podKind, {
    metadata: { name: `pod-on-${nodeName}`, namespace: 'default' },
    spec: { nodeName },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
const taintsOf = (cluster: TestingCluster, name: string) =>
  (cluster.get<V1Node>(nodeKind, name)?.spec?.taints ?? []).map((t) => `${t.key.split('/')[1]}:${t.effect}`);
const readyOf = (cluster: TestingCluster, name: string) =>
  cluster.get<V1Node>(nodeKind, name)?.status?.conditions?.find((c) => c.type === 'Ready');

/** Lets time pass while these nodes renew their leases. */
async function pass(
  run: { cluster: TestingCluster; settle(ms?: number): Promise<void> },
  ms: number,
  alive: string[],
): Promise<void> {
  for (let passed = 0; passed < ms; passed += 2000) {
    for (const name of alive) beat(run.cluster, name);
    await run.settle(2000);
  }
}

test('a silent node becomes Unknown, is tainted, and its pods are not ready any more', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  addNode(cluster, 'alive');
  addNode(cluster, 'silent');
  addPod(cluster, 'alive');
  addPod(cluster, 'silent');
  await pass(run, 14_000, ['alive']);
  assert.equal(readyOf(cluster, 'silent')?.status, 'True');
  await pass(run, 8000, ['alive']);
  assert.equal(readyOf(cluster, 'silent')?.status, 'Unknown');
  assert.equal(readyOf(cluster, 'silent')?.reason, 'NodeStatusUnknown');
  assert.deepEqual(taintsOf(cluster, 'silent'), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
  assert.deepEqual(taintsOf(cluster, 'alive'), []);
  const readiness = (name: string) => cluster.get<V1Pod>(podKind, name, 'default')?.status?.conditions?.[0]?.status;
  assert.equal(readiness('pod-on-silent'), 'False');
  assert.equal(readiness('pod-on-alive'), 'True');
  assert.ok(run.events.includes('silent NodeNotReady'));
});

test('a node that comes back loses its taints', async () => {
  await using run = await runController(make);
  addNode(run.cluster, 'alive');
  addNode(run.cluster, 'flapping');
  await pass(run, 24_000, ['alive']);
  assert.notDeepEqual(taintsOf(run.cluster, 'flapping'), []);
  const node = run.cluster.get<V1Node>(nodeKind, 'flapping')!;
  run.cluster.put(nodeKind, {
    ...node,
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:30Z' }] },
  });
  await run.settle(2000);
  assert.deepEqual(taintsOf(run.cluster, 'flapping'), []);
});

test('when every node is silent nobody is evicted', async () => {
  await using run = await runController(make);
  for (const name of ['a', 'b', 'c']) addNode(run.cluster, name);
  await pass(run, 40_000, []);
  for (const name of ['a', 'b', 'c']) assert.deepEqual(taintsOf(run.cluster, name), ['unreachable:NoSchedule']);
});

test('nodes are tainted for eviction no faster than the rate', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  for (const name of ['ok1', 'ok2', 'ok3']) addNode(cluster, name);
  addNode(cluster, 'bad1', 'False');
  addNode(cluster, 'bad2', 'False');
  await pass(run, 4000, ['ok1', 'ok2', 'ok3', 'bad1', 'bad2']);
  const evicted = () => ['bad1', 'bad2'].filter((name) => taintsOf(cluster, name).includes('not-ready:NoExecute')).length;
  assert.equal(evicted(), 1);
  await pass(run, 12_000, ['ok1', 'ok2', 'ok3', 'bad1', 'bad2']);
  assert.equal(evicted(), 2);
  const text = run.metrics.ownText();
  assert.match(text, /^node_collector_evictions_total\{zone=""\} 2$/m);
  assert.match(text, /^node_collector_zone_size\{zone=""\} 5$/m);
  assert.match(text, /^node_collector_zone_health\{zone=""\} 60$/m);
  assert.match(text, /^node_collector_unhealthy_nodes_in_zone\{zone=""\} 2$/m);
});

test('nodes that are excluded say nothing about how much of a zone is down', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  const exclude = (name: string) => {
    const node = cluster.get<V1Node>(nodeKind, name)!;
    const labels = { 'node.kubernetes.io/exclude-disruption': '' };
    cluster.put(nodeKind, { ...node, metadata: { ...node.metadata, labels } });
  };
  addNode(cluster, 'alive');
  for (const name of ['a', 'b', 'c']) addNode(cluster, name);
  await pass(run, 40_000, ['alive']);
  const evicted = () => ['a', 'b', 'c'].filter((name) => taintsOf(cluster, name).includes('unreachable:NoExecute'));
  assert.deepEqual(evicted(), [], 'three of four are down: the fault may be ours');
  for (const name of ['a', 'b', 'c']) exclude(name);
  await pass(run, 40_000, ['alive']);
  assert.deepEqual(evicted(), ['a', 'b', 'c']);
});

test('the older labels of a node say what the newer ones say', async () => {
  await using run = await runController(make);
  const { cluster } = run;
  const labels = { 'kubernetes.io/os': 'linux', 'beta.kubernetes.io/os': 'windows', 'kubernetes.io/arch': 'arm64', other: 'x' };
  cluster.put(nodeKind, { metadata: { name: 'n', labels } });
  cluster.put(nodeKind, { metadata: { name: 'bare', labels: { 'beta.kubernetes.io/os': 'linux' } } });
  await run.settle();
  assert.deepEqual(cluster.get<V1Node>(nodeKind, 'n')?.metadata?.labels, {
    ...labels,
    'beta.kubernetes.io/os': 'linux',
    'beta.kubernetes.io/arch': 'arm64',
  });
  assert.equal(cluster.sent('patch', 'nodes').length, 1);
});
