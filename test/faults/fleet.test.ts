import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runFleet } from '../harness/fleet-story.ts';

test('of 100 nodes three fail while 1,000 pods are made: all come to run elsewhere, none twice, and the nodes come back empty', async () => {
  const figures = await runFleet({
    ...{ nodes: 100, deployments: 10, replicas: 100, lost: 3 },
    // Kubelets speak every 10 s.
    nodeMonitorGracePeriodMs: 25_000,
    timeoutMs: 180_000,
  });
  assert.ok(figures.lostPods > 0);
  assert.equal(figures.madePods, 1000 + figures.lostPods);
  assert.deepEqual([figures.endpoints, figures.staleEndpoints], [100, 0]);
});
