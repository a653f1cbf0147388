import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createTtlController } from './controller.ts';

test('every node is told the time of a cluster of that size, and all anew when it grows or shrinks', async () => {
  await using run = await runController(createTtlController);
  const { cluster } = run;
  const told = () =>
    new Set(cluster.list<V1Node>(nodeKind).map(({ metadata }) => metadata?.annotations?.['node.alpha.kubernetes.io/ttl']));
  for (let i = 0; i < 100; i++) cluster.put(nodeKind, { metadata: { name: `n${i}` } });
  await run.settle(1000);
  assert.deepEqual(told(), new Set(['0']));
  cluster.put(nodeKind, { metadata: { name: 'one-more' } });
  await run.settle(1000);
  assert.deepEqual(told(), new Set(['15']));
  for (let i = 0; i < 12; i++) cluster.remove(nodeKind, `n${i}`);
  await run.settle(1000);
  assert.deepEqual(told(), new Set(['0']));
});

test('nodes that come one behind the other are told once, by how many there are in the end', async () => {
  await using run = await runController(createTtlController);
  const { cluster } = run;
  for (let i = 0; i < 101; i++) {
    cluster.put(nodeKind, { metadata: { name: `n${i}` } });
    await run.settle(5);
  }
  assert.deepEqual(
    cluster.requests.filter(({ verb }) => verb === 'patch'),
    [],
  );
  await run.settle(1000);
  const told = cluster.requests.filter(({ verb }) => verb === 'patch');
  assert.equal(told.length, 101);
});
