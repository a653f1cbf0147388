import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Lease, V1Node } from '../../api/gen/types.ts';
import { observeNode } from './health.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
const GRACE = 40_000;
const iso = (ms: number) => new Date(ms).toISOString();
const node = (conditions?: object[]) =>
  ({ metadata: { name: 'n', creationTimestamp: iso(T0) }, status: { conditions } }) as unknown as V1Node;
const ready = (heartbeatMs: number, status = 'True') => ({
  type: 'Ready',
  status,
  reason: 'KubeletReady',
  lastHeartbeatTime: iso(heartbeatMs),
  lastTransitionTime: iso(T0),
});
const lease = (ms: number) => ({ spec: { renewTime: iso(ms) } }) as unknown as V1Lease;
const look = (over: Partial<Parameters<typeof observeNode>[0]>) =>
  observeNode({
    node: node(),
    lease: undefined,
    previous: undefined,
    nowMs: T0,
    atMs: over.nowMs ?? T0,
    gracePeriodMs: GRACE,
    startupGracePeriodMs: 60_000,
    ...over,
  });

test('a node whose status beats is healthy, whatever its own clock says', () => {
  const first = look({ node: node([ready(T0 - 9e9)]) });
  const second = look({ node: node([ready(T0 - 8e9)]), previous: first.health, nowMs: T0 + 39_000 });
  const third = look({ node: node([ready(T0 - 7e9)]), previous: second.health, nowMs: T0 + 78_000 });
  assert.deepEqual([first.ready, second.ready, third.ready], ['True', 'True', 'True']);
  assert.equal(third.conditions, undefined);
});

test('a renewed lease is a sign of life while the status stays old', () => {
  const first = look({ node: node([ready(T0)]), lease: lease(T0) });
  const second = look({ node: node([ready(T0)]), lease: lease(T0 + 10_000), previous: first.health, nowMs: T0 + 39_000 });
  const third = look({ node: node([ready(T0)]), lease: lease(T0 + 10_000), previous: second.health, nowMs: T0 + 70_000 });
  assert.equal(third.ready, 'True');
  const fourth = look({ node: node([ready(T0)]), lease: lease(T0 + 10_000), previous: third.health, nowMs: T0 + 79_001 });
  assert.equal(fourth.ready, 'Unknown');
});

test('silence for the grace period makes the kubelet’s conditions Unknown and leaves the network’s alone', () => {
  const network = { type: 'NetworkUnavailable', status: 'False', reason: 'RouteCreated' };
  const silent = node([ready(T0), network]);
  const first = look({ node: silent });
  assert.equal(look({ node: silent, previous: first.health, nowMs: T0 + GRACE }).conditions, undefined);
  const seen = look({ node: silent, previous: first.health, nowMs: T0 + GRACE + 1000 });
  assert.equal(seen.observed, 'True');
  assert.deepEqual(
    seen.conditions?.map((c) => [c.type, c.status, c.reason, c.message]),
    [
      ['Ready', 'Unknown', 'NodeStatusUnknown', 'Kubelet stopped posting node status.'],
      ['NetworkUnavailable', 'False', 'RouteCreated', undefined],
      ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
      ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
      ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated', 'Kubelet never posted node status.'],
    ],
  );
  assert.equal(seen.conditions?.[0]?.lastTransitionTime, '2026-01-01T00:00:41Z');
  const written = { ...silent, status: { conditions: seen.conditions } };
  assert.equal(look({ node: written, previous: seen.health, nowMs: T0 + 90_000 }).conditions, undefined);
});

test('a node that never said how it is has the longer time from when it was made', () => {
  assert.equal(look({ nowMs: T0 + 60_000 }).conditions, undefined);
  assert.equal(look({ nowMs: T0 + 60_001 }).conditions?.length, 4);
});

test('a clock that is set, ahead or back, makes nobody silent and nobody’s silence longer or shorter', () => {
  const well = node([ready(T0)]);
  const first = look({ node: well, atMs: 5_000 });
  for (const byMs of [9e6, -9e6])
    assert.equal(look({ node: well, previous: first.health, nowMs: T0 + byMs, atMs: 5_000 + GRACE }).conditions, undefined);
  assert.equal(look({ node: well, previous: first.health, nowMs: T0 - 9e6, atMs: 5_001 + GRACE }).ready, 'Unknown');
});

test('after a restart of the controller a node gets the whole grace period', () => {
  assert.equal(look({ node: node([ready(T0)]), nowMs: T0 + 9e9 }).ready, 'True');
});
