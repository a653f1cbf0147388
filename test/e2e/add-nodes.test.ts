import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeKind } from '../../src/api/core/v1/node.ts';
import type { V1Node } from '../../src/api/gen/types.ts';
import { startCluster } from '../../src/cluster/start-cluster.ts';

test('nodes that are added at the same time each get a name and an address of their own, and are Ready when they are handed out', async () => {
  await using cluster = await startCluster({ nodes: 0 });
  const ready = async (name: string) => {
    const node = await cluster.client().resource<V1Node>(nodeKind).get(name);
    return node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') === true;
  };
  const added = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const node = await cluster.addNode();
      assert.ok(await ready(node.name), `${node.name} was handed out before it was Ready`);
      return node;
    }),
  );
  assert.equal(new Set(added.map((node) => node.name)).size, 4);
  assert.equal(new Set(added.map((node) => `${node.address}:${node.port}`)).size, 4);
  await assert.rejects(cluster.addNode({ name: added[0]!.name }), /there is a node "node-\d" already/);
  for (const name of ['Node_1', '../node', ''])
    await assert.rejects(cluster.addNode({ name }), { code: 'OPTIONS_INVALID', message: /^name: ".*" can be no node's: / });
});
