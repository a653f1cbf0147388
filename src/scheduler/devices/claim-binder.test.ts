import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceV1ResourceClaim, V1Pod } from '../../api/gen/types.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import { ClaimBinder } from './claim-binder.ts';

const POD: V1Pod = { metadata: { name: 'web', namespace: 'a', uid: 'web-uid' }, spec: { containers: [] } };
const ALLOCATION = { devices: { results: [{ request: 'gpu', driver: 'd', pool: 'p', device: 'd0' }] } };
const USER = { resource: 'pods', name: 'web', uid: 'web-uid' };

function open(status: ResourceV1ResourceClaim['status'] = {}) {
  const cluster = new TestingCluster();
  const metadata = { name: 'c', namespace: 'a', uid: 'c-uid' };
  const get = () => cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a');
  cluster.put(resourceClaimKind, { metadata, spec: {}, status });
  const objects = { deviceClaim: get, onAnyChange: () => () => true };
  const binder = new ClaimBinder({ client: cluster.client, clock: cluster.clock, objects });
  return { cluster, get, binder, signal: new AbortController().signal };
}

test('a claim is kept by a finalizer, has its devices and its user', async () => {
  const { get, binder, signal } = open();
  await binder.bind(POD, new Map([[get()!, ALLOCATION]]), signal);
  assert.deepEqual(get()?.metadata?.finalizers, ['resource.kubernetes.io/delete-protection']);
  assert.deepEqual(get()?.status, {
    allocation: { ...ALLOCATION, allocationTimestamp: '2026-01-01T00:00:00Z' },
    reservedFor: [USER],
  });
});

test('a claim that has devices gets one user more, whatever else changed meanwhile', async () => {
  const other = { resource: 'pods', name: 'db', uid: 'db-uid' };
  const { cluster, get, binder, signal } = open({ allocation: ALLOCATION });
  const stale = get()!;
  cluster.put(resourceClaimKind, { ...get()!, status: { allocation: ALLOCATION, reservedFor: [other] } });
  await binder.bind(POD, new Map([[stale, undefined]]), signal);
  assert.deepEqual(get()?.status?.reservedFor, [other, USER]);
  const before = cluster.requests.length;
  await binder.bind(POD, new Map([[get()!, undefined]]), signal);
  assert.equal(cluster.requests.length, before, 'nothing is written twice');
});

test('devices are taken back from a claim', async () => {
  const { get, binder, signal } = open({ allocation: ALLOCATION, reservedFor: [USER] });
  await binder.deallocate(get()!, signal);
  assert.deepEqual(get()?.status, {});
});

test('devices that somebody else gave or took meanwhile are not written over', async () => {
  const { cluster, get, binder, signal } = open();
  const stale = get()!;
  cluster.put(resourceClaimKind, { ...get()!, status: { allocation: {} } });
  await assert.rejects(binder.bind(POD, new Map([[stale, ALLOCATION]]), signal), /claim a\/c got allocated elsewhere/);
  const taken = get()!;
  cluster.put(resourceClaimKind, { ...get()!, status: {} });
  await assert.rejects(binder.bind(POD, new Map([[taken, undefined]]), signal), /claim a\/c got deallocated elsewhere/);
  const { metadata, ...rest } = stale;
  const replaced = { ...rest, metadata: { ...metadata, uid: 'old' } };
  await assert.rejects(binder.bind(POD, new Map([[replaced, ALLOCATION]]), signal), /got deleted in the meantime/);
});
