import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fleetComplaints, runFleet } from '../harness/fleet-story.ts';

test('of 100 nodes three fail while 1,000 pods are made: all come to run elsewhere, none twice, and the nodes come back empty', async () => {
  const options = {
    ...{ nodes: 100, deployments: 10, replicas: 100, lost: 3 },
    // Kubelets speak every 10 s.
    nodeMonitorGracePeriodMs: 25_000,
    timeoutMs: 180_000,
  };
  assert.deepEqual(fleetComplaints(options, await runFleet(options)), []);
});
