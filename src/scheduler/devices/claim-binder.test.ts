import assert from 'node:assert/strict';
import { test } from 'node:test';
import { podKind } from '../../api/core/v1/pod.ts';
import type { ResourceV1ResourceClaim, V1Pod } from '../../api/gen/types.ts';
import { resourceClaimKind } from '../../api/resource/v1/resource-claim.ts';
import { TestingCluster } from '../../controllers/framework/testing-client.test-support.ts';
import { SchedulerMetrics } from '../metrics.ts';
import { ClaimBinder } from './claim-binder.ts';
import { unmadeClaim } from './extended-requests.ts';

const POD: V1Pod = { metadata: { name: 'web', namespace: 'a', uid: 'web-uid' }, spec: { containers: [] } };
const ALLOCATION = { devices: { results: [{ request: 'gpu', driver: 'd', pool: 'p', device: 'd0' }] } };
const USER = { resource: 'pods', name: 'web', uid: 'web-uid' };

function open(status: ResourceV1ResourceClaim['status'] = {}) {
  const cluster = new TestingCluster();
  const metadata = { name: 'c', namespace: 'a', uid: 'c-uid' };
  const get = () => cluster.get<ResourceV1ResourceClaim>(resourceClaimKind, 'c', 'a');
  cluster.put(resourceClaimKind, { metadata, spec: {}, status });
  const objects = { deviceClaim: get, onAnyChange: (_look: () => void) => () => true };
  const told: string[] = [];
  const events = {
    event: (_about: object, type: string, reason: string, message: string) => void told.push(`${type} ${reason}: ${message}`),
  };
  const metrics = new SchedulerMetrics();
  const binder = new ClaimBinder({ client: cluster.client, clock: cluster.clock, objects, events, metrics });
  return { cluster, get, binder, told, metrics, objects, signal: new AbortController().signal };
}

test('a claim is kept by a finalizer, has its devices and its user', async () => {
  const { get, binder, signal } = open();
  await binder.bind(POD, 'n', new Map([[get()!, ALLOCATION]]), signal);
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
  await binder.bind(POD, 'n', new Map([[stale, undefined]]), signal);
  assert.deepEqual(get()?.status?.reservedFor, [other, USER]);
  const before = cluster.requests.length;
  await binder.bind(POD, 'n', new Map([[get()!, undefined]]), signal);
  assert.equal(cluster.requests.length, before, 'nothing is written twice');
});

test('devices are taken back from a claim', async () => {
  const devices = [{ driver: 'd', pool: 'p', device: 'd0' }];
  const { get, binder, signal } = open({ allocation: ALLOCATION, reservedFor: [USER], devices });
  await binder.deallocate(get()!, signal);
  assert.deepEqual(get()?.status, {});
});

test('devices that somebody else gave or took meanwhile are not written over', async () => {
  const { cluster, get, binder, signal } = open();
  const stale = get()!;
  cluster.put(resourceClaimKind, { ...get()!, status: { allocation: {} } });
  await assert.rejects(binder.bind(POD, 'n', new Map([[stale, ALLOCATION]]), signal), /claim a\/c got allocated elsewhere/);
  const taken = get()!;
  cluster.put(resourceClaimKind, { ...get()!, status: {} });
  await assert.rejects(binder.bind(POD, 'n', new Map([[taken, undefined]]), signal), /claim a\/c got deallocated elsewhere/);
  const { metadata, ...rest } = stale;
  const replaced = { ...rest, metadata: { ...metadata, uid: 'old' } };
  await assert.rejects(binder.bind(POD, 'n', new Map([[replaced, ALLOCATION]]), signal), /got deleted in the meantime/);
});

const NETWORKED = {
  devices: {
    results: [
      {
        ...ALLOCATION.devices.results[0]!,
        bindingConditions: ['Attached', 'Up'],
        bindingFailureConditions: ['Broken'],
      },
    ],
  },
};

/** A claim whose devices a driver has to make ready, and a pod that is about to be bound. */
function openNetworked() {
  const opened = open();
  const { cluster, get, binder, signal } = opened;
  let look: () => void = () => undefined;
  const changed = (conditions: object[]) => {
    const { results } = NETWORKED.devices;
    const devices = [{ driver: results[0]!.driver, pool: 'p', device: 'd0', conditions }];
    cluster.put(resourceClaimKind, { ...get()!, status: { ...get()!.status, devices } } as ResourceV1ResourceClaim);
    look();
  };
  opened.objects.onAnyChange = (each: () => void) => {
    look = each;
    return () => true;
  };
  const bound = binder.bind(POD, 'n', new Map([[get()!, NETWORKED]]), signal).then(
    () => 'bound',
    (error: Error) => error.message,
  );
  return { ...opened, bound, changed };
}
const is = (type: string, more: object = {}) => ({ type, status: 'True', ...more });

/** How each wait for a driver ended: how often, and in how many seconds. */
const waits = ({ deviceWaits, deviceWaitDuration }: SchedulerMetrics) =>
  [...deviceWaits.series].map(([labels, count]) => {
    assert.match(labels, /^profile="default-scheduler",driver="[^"]+",status="\w+"$/);
    return `${/status="(\w+)"/.exec(labels)?.[1]} ${count} ${deviceWaitDuration.series.get(labels)?.sum}`;
  });

test('a pod is bound when drivers have made its devices ready, by all of their conditions', async () => {
  const { cluster, told, bound, changed, metrics } = openNetworked();
  await cluster.clock.advance(0);
  assert.deepEqual(told, ['Normal BindingConditionsPending: waiting for binding conditions for device on node n']);
  changed([is('Attached')]);
  assert.equal(await Promise.race([bound, cluster.clock.advance(1000).then(() => 'waits')]), 'waits');
  changed([is('Attached'), is('Up')]);
  assert.equal(await bound, 'bound');
  assert.deepEqual(waits(metrics), ['success 1 1']);
});

test('a pod is not bound when a driver gives its devices up, or takes too long', async () => {
  const failing = openNetworked();
  await failing.cluster.clock.advance(0);
  failing.changed([is('Attached'), is('Broken', { reason: 'NoLink', message: 'no "carrier"' })]);
  const words = 'claim c binding failed: reason=NoLink, message="no \\"carrier\\""';
  assert.equal(await failing.bound, words);
  assert.deepEqual(waits(failing.metrics), ['failure 1 0']);
  assert.equal(failing.binder.whyNeverReady(failing.get()!), words);
  const slow = openNetworked();
  await slow.cluster.clock.advance(0);
  assert.equal(slow.binder.whyNeverReady(slow.get()!), undefined);
  await slow.cluster.clock.advance(600_000);
  assert.equal(await slow.bound, 'device binding timeout');
  assert.deepEqual(waits(slow.metrics), ['timeout 1 600']);
  await slow.cluster.clock.advance(1000);
  assert.equal(slow.binder.whyNeverReady(slow.get()!), 'claim c binding timeout');
});

test('a pod that is not bound after all uses its claims no more, and they keep their devices', async () => {
  const other = { resource: 'pods', name: 'db', uid: 'db-uid' };
  const { get, binder, signal, cluster } = open({ allocation: ALLOCATION, reservedFor: [other, USER] });
  await binder.unreserve(POD, [get()!], signal);
  assert.deepEqual(get()?.status, { allocation: ALLOCATION, reservedFor: [other] });
  const before = cluster.requests.length;
  await binder.unreserve(POD, [get()!], signal);
  assert.equal(cluster.requests.length, before);
});

test('a claim for extended resources is made with its devices, and the pod is told of it; it can be taken away again', async () => {
  const { cluster, binder, metrics, signal, objects } = open();
  cluster.put(podKind, POD);
  const claims = () => cluster.list<ResourceV1ResourceClaim>(resourceClaimKind).filter(({ metadata }) => metadata?.name !== 'c');
  let shown = false;
  let look: () => void = () => undefined;
  objects.deviceClaim = () => (shown ? claims()[0] : undefined);
  objects.onAnyChange = (each: () => void) => {
    look = each;
    return () => true;
  };
  const claim = unmadeClaim(POD, []);
  const mappings = [{ containerName: 'c', requestName: 'container-0-request-0', resourceName: 'example.com/gpu' }];
  const made: ResourceV1ResourceClaim[] = [];
  const onMade = (each: ResourceV1ResourceClaim) => void made.push(each);
  const extended = { claim, mappings, allocation: ALLOCATION, onMade };
  const bound = binder.bind(POD, 'n', new Map(), signal, extended).then(() => 'bound');
  assert.equal(await Promise.race([bound, cluster.clock.advance(1000).then(() => 'waits')]), 'waits', 'nobody sees it yet');
  shown = true;
  look();
  assert.equal(await bound, 'bound');
  const [only] = claims();
  assert.match(only?.metadata?.name ?? '', /^web-extended-resources-/);
  assert.deepEqual([only?.status?.allocation?.devices, only?.status?.reservedFor], [ALLOCATION.devices, [USER]]);
  assert.equal(made[0]?.metadata?.uid, only?.metadata?.uid);
  assert.deepEqual(cluster.get<V1Pod>(podKind, 'web', 'a')?.status?.extendedResourceClaimStatus, {
    ...{ requestMappings: mappings, resourceClaimName: only?.metadata?.name },
  });
  assert.deepEqual([...metrics.resourceClaimCreates.series], [['status="success"', 1]]);
  await binder.remove(made[0]!, signal);
  assert.equal(claims().length, 0);
  await binder.remove(made[0]!, signal);
});
