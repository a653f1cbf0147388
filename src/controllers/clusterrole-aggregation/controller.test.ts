import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1ClusterRole } from '../../api/gen/types.ts';
import { clusterRoleKind } from '../../api/rbac/v1/cluster-role.ts';
import { runController } from '../framework/testing-client.test-support.ts';
import { createClusterRoleAggregationController } from './controller.ts';

test('an aggregated role follows those that it is made of, come, changed or gone', async () => {
  await using run = await runController(createClusterRoleAggregationController);
  const { cluster } = run;
  const part = (name: string, resource: string) =>
    cluster.put(clusterRoleKind, {
      metadata: { name, labels: { part: 'yes' } },
      rules: [{ apiGroups: [''], resources: [resource], verbs: ['get'] }],
    } as V1ClusterRole);
  const clusterRoleSelectors = [{ matchLabels: { part: 'yes' } }];
  cluster.put(clusterRoleKind, { metadata: { name: 'whole' }, aggregationRule: { clusterRoleSelectors } } as V1ClusterRole);
  const resources = () =>
    cluster.get<V1ClusterRole>(clusterRoleKind, 'whole')?.rules?.flatMap((rule) => rule.resources ?? []) ?? [];
  part('b', 'pods');
  part('a', 'nodes');
  await run.settle();
  assert.deepEqual(resources(), ['nodes', 'pods']);
  part('a', 'secrets');
  await run.settle();
  assert.deepEqual(resources(), ['secrets', 'pods']);
  cluster.remove(clusterRoleKind, 'b');
  await run.settle();
  assert.deepEqual(resources(), ['secrets']);
});
