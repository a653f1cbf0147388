import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import type { ControllerContext } from '../framework/controller.ts';
import { runController, serverError, TestingCluster } from '../framework/testing-client.test-support.ts';
import { createNodeIpamController } from './controller.ts';

const make =
  (clusterCidrs: string[], serviceCidrs: string[] = []) =>
  (context: ControllerContext) =>
    createNodeIpamController(context, { clusterCidrs, serviceCidrs, maskSizeIpv4: 24, maskSizeIpv6: 64 });
const addNodes = (cluster: TestingCluster, ...names: string[]) => {
  for (const name of names) cluster.put(nodeKind, { metadata: { name }, spec: {} });
};
const cidrsOf = (cluster: TestingCluster, ...names: string[]) =>
  names.map((name) => cluster.get<V1Node>(nodeKind, name)?.spec?.podCIDRs?.join());

test('every node gets a range of its own, of each family, past the services’', async () => {
  await using run = await runController(make(['10.0.0.0/16', 'fd00::/56'], ['10.0.0.0/24']));
  addNodes(run.cluster, 'a', 'b');
  await run.settle();
  assert.deepEqual(cidrsOf(run.cluster, 'a', 'b'), ['10.0.1.0/24,fd00::/64', '10.0.2.0/24,fd00:0:0:1::/64']);
  assert.equal(run.cluster.get<V1Node>(nodeKind, 'a')?.spec?.podCIDR, '10.0.1.0/24');
});

test('after a restart nobody gets what somebody has', async () => {
  const cluster = new TestingCluster();
  addNodes(cluster, 'new');
  cluster.put(nodeKind, { metadata: { name: 'old' }, spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } });
  await using run = await runController(make(['10.0.0.0/16']), cluster);
  assert.deepEqual(cidrsOf(run.cluster, 'old', 'new'), ['10.0.0.0/24', '10.0.1.0/24']);
});

test('a node that finds no range left is told, and gets the next that is given back', async () => {
  await using run = await runController(make(['10.0.0.0/24']));
  addNodes(run.cluster, 'first', 'second');
  await run.settle();
  assert.deepEqual(cidrsOf(run.cluster, 'first', 'second'), ['10.0.0.0/24', undefined]);
  assert.ok(run.events.includes('second CIDRNotAvailable'));
  run.cluster.remove(nodeKind, 'first');
  await run.settle();
  assert.deepEqual(cidrsOf(run.cluster, 'second'), ['10.0.0.0/24']);
});

test('a write whose answer is lost is repeated with the same range', async () => {
  const cluster = new TestingCluster();
  let failures = 2;
  cluster.beforeWrite = () => {
    if (failures-- > 0) throw serverError();
  };
  await using run = await runController(make(['10.0.0.0/16']), cluster);
  addNodes(cluster, 'a');
  await run.settle(5000);
  assert.deepEqual(cidrsOf(cluster, 'a'), ['10.0.0.0/24']);
});

test('two ranges of one family are refused', async () => {
  await assert.rejects(runController(make(['10.0.0.0/16', '10.1.0.0/16'])), /must be of different address families/);
});
