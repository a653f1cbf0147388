import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../../../test/harness/until.ts';
import type { V1EndpointSlice, V1Endpoints, V1Lease } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import type { Store } from '../../store/store.ts';
import { startTestApi } from '../test-api.ts';
import { identityName } from './identity-lease.ts';
import type { EndpointReconcilerType } from './plan-endpoints.ts';

/** Servers that share a store, each at an address of its own. */
function openPeers(t: TestContext, endpointReconciler: EndpointReconcilerType, apiserverCount = 1) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const store = createMemoryStore({ clock });
  // A server that ends must not take the store along.
  const shared: Store = Object.assign(Object.create(null), { close: async () => undefined });
  for (const name of [
    'get',
    'list',
    'count',
    'transact',
    'watch',
    'compact',
    'revision',
    'grantLease',
    'keepLeaseAlive',
    'revokeLease',
    'healthy',
  ] as const)
    Object.assign(shared, { [name]: (store[name] as (...args: unknown[]) => unknown).bind(store) });
  const started: { stop(): Promise<void> }[] = [];
  t.after(async () => {
    for (const api of started) await api.stop();
    await store.close();
  });
  const start = async (advertiseAddress: string) => {
    const peers = { endpointReconciler, apiserverCount, hostname: `host-${advertiseAddress}` };
    const api = await startTestApi({ clock, advertiseAddress, peers, store: shared });
    started.push(api);
    return api;
  };
  return { clock, start };
}

type Api = Awaited<ReturnType<typeof startTestApi>>;

async function addresses(api: Api): Promise<string[]> {
  const { body } = await api.call<V1Endpoints>('GET', '/api/v1/namespaces/default/endpoints/kubernetes');
  const slice = await api.call<V1EndpointSlice>('GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes');
  const found = (body.subsets ?? []).flatMap((subset) => (subset.addresses ?? []).map(({ ip }) => ip));
  assert.deepEqual(
    (slice.body.endpoints ?? []).flatMap((endpoint) => endpoint.addresses),
    found,
    'the slice says the same',
  );
  return found;
}

test('servers with leases are all behind the Service kubernetes; one that ends, or falls silent, is not', async (t) => {
  const { clock, start } = openPeers(t, 'lease');
  const [one, two] = [await start('10.0.0.1'), await start('10.0.0.2')];
  assert.deepEqual(await addresses(one), ['10.0.0.1', '10.0.0.2']);
  await two.stop();
  assert.deepEqual(await addresses(one), ['10.0.0.1']);
  // As of one that was killed: nobody renews it.
  const three = await start('10.0.0.3');
  assert.deepEqual(await addresses(one), ['10.0.0.1', '10.0.0.3']);
  await clock.advance(60_000);
  assert.deepEqual(await addresses(three), ['10.0.0.1', '10.0.0.3'], 'those that are there stay');
});

test('servers that count add themselves, and make place only when there are too many', async (t) => {
  const { start } = openPeers(t, 'master-count', 2);
  const one = await start('10.0.0.1');
  await start('10.0.0.2');
  assert.deepEqual(await addresses(one), ['10.0.0.1', '10.0.0.2']);
  const three = await start('10.0.0.3');
  assert.deepEqual(await addresses(one), ['10.0.0.2', '10.0.0.3']);
  await three.stop();
  assert.deepEqual(await addresses(one), ['10.0.0.2']);
});

test('a server that keeps no endpoints makes none', async (t) => {
  const { start } = openPeers(t, 'none');
  const api = await start('10.0.0.1');
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/endpoints/kubernetes')).status, 404);
  assert.equal((await api.call('GET', '/api/v1/namespaces/default/services/kubernetes')).status, 200);
});

test('each server has a Lease of its own that it renews; those of servers long gone are deleted', async (t) => {
  const { clock, start } = openPeers(t, 'lease');
  const one = await start('10.0.0.1');
  const two = await start('10.0.0.2');
  await clock.advance(1);
  const leases = async () => {
    const { body } = await one.call<{ items: V1Lease[] }>(
      'GET',
      '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity=kube-apiserver',
    );
    return new Map(body.items.map((lease) => [lease.metadata!.name!, lease]));
  };
  const [first, second] = [identityName('host-10.0.0.1'), identityName('host-10.0.0.2')];
  await until('both have one', async () => (await leases()).size === 2);
  const { spec, metadata } = (await leases()).get(first)!;
  assert.match(first, /^apiserver-[a-z2-7]{26}$/);
  assert.equal(spec?.leaseDurationSeconds, 3600);
  assert.ok(spec?.holderIdentity?.startsWith(`${first}_`));
  assert.equal(metadata?.labels?.['kubernetes.io/hostname'], 'host-10.0.0.1');
  await two.stop();
  await clock.advance(3 * 3_600_000);
  await until('the one that is gone has none', async () => !(await leases()).has(second));
  assert.ok((await leases()).has(first));
});
