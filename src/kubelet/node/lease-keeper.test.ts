import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Lease } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { recordingLogger, until } from '../testing/cluster-of-one.ts';
import { FakeApi, unreachable } from '../testing/fake-api.ts';
import { createLeaseKeeper } from './lease-keeper.ts';
import { START_MS } from './node-facts.test-support.ts';

test('the lease is owned by the Node, renewed every ten seconds, and tells of gaps', async () => {
  const clock = new VirtualClock(START_MS);
  const api = new FakeApi(clock);
  const { logger } = recordingLogger();
  let gaps = 0;
  const keeper = createLeaseKeeper({
    client: api.client(),
    nodeName: 'k8s-n01',
    durationSeconds: 40,
    nodeUid: () => 'node-uid',
    clock,
    logger,
    random: () => 0,
    onGap: () => {
      gaps++;
    },
  });
  const life = new AbortController();
  await keeper.start(life.signal);
  const lease = () => api.find<V1Lease>('leases', 'k8s-n01', 'kube-node-lease')!;
  assert.deepEqual(lease().metadata!.ownerReferences, [{ apiVersion: 'v1', kind: 'Node', name: 'k8s-n01', uid: 'node-uid' }]);
  assert.deepEqual([lease().spec!.holderIdentity, lease().spec!.leaseDurationSeconds], ['k8s-n01', 40]);
  await clock.advance(60_000);
  assert.ok(Math.abs(api.count('update', 'leases') - 6) <= 1, String(api.count('update', 'leases')));
  assert.equal(lease().spec!.renewTime, '2026-01-01T00:01:00.000000Z');
  assert.equal(gaps, 0);
  api.before = () => {
    throw unreachable();
  };
  await clock.advance(60_000);
  api.before = () => undefined;
  await clock.advance(10_000);
  assert.equal(gaps, 1);
  api.objects.delete('leases/kube-node-lease/k8s-n01'); // somebody removed it
  await clock.advance(11_000);
  await until(() => lease() !== undefined, 'the lease again');
  life.abort(new DOMException('stopped', 'AbortError'));
  await keeper.done;
});
