import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import { startTestApi } from '../test-api.ts';
import { create, made, messageOf, refused, remove } from './services-fixture.ts';

/** An IPAddress as it is stored, made by the allocator or somebody else. */
const ipAddress = (name: string, by = 'somebody.example.com') =>
  Buffer.from(
    JSON.stringify({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name, uid: `uid-${name}`, labels: { 'ipaddress.kubernetes.io/managed-by': by } },
      spec: { parentRef: { resource: 'gateways', namespace: 'default', name: 'other' } },
    }),
  );

describe('two API servers on one store', () => {
  test('never give two Services the same, however many are made at once', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const options = { store, serviceClusterIpRange: '10.0.0.0/24', serviceNodePortRange: '30000-30149' };
    const first = await startTestApi(options);
    const second = await startTestApi(options);
    try {
      // 200 with an address each, of which 150 can have a port; 100 ask for the same ten addresses.
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, i) => create(i % 2 ? first : second, `s${i}`, { type: 'NodePort' })),
      );
      const created = answers.filter(({ status }) => status === 201).map(({ body }) => body.spec!);
      const failed = answers.filter(({ status }) => status !== 201);
      for (const answer of failed) refused(answer, 'Internal error occurred: failed to allocate a nodePort: range is full', 500);
      assert.equal(new Set(created.map((s) => s.clusterIP)).size, created.length);
      assert.equal(new Set(created.map((s) => s.ports![0]!.nodePort)).size, created.length);
      const chosen = await Promise.all(
        Array.from({ length: 100 }, (_, i) => create(i % 2 ? first : second, `c${i}`, { clusterIP: `10.0.0.${2 + (i % 10)}` })),
      );
      assert.equal(chosen.filter(({ status }) => status === 201).length, 10);
      for (const answer of chosen) if (answer.status !== 201) assert.match(messageOf(answer), /provided IP is already allocated/);
      // What was given back by one is there for the other at once.
      await Promise.all(answers.map(({ status }, i) => status === 201 && remove(i % 3 ? first : second, `s${i}`)));
      const again = await Promise.all(Array.from({ length: 150 }, (_, i) => create(i % 2 ? first : second, `n${i}`)));
      for (const answer of again) made(answer);
      const claims = (await store.list('/registry/ipaddresses/')).entries;
      assert.equal(claims.length, 150 + 10 + 1);
      assert.equal((await store.list('/registry/servicenodeports/')).entries.length, 0);
    } finally {
      await second.server.stop();
      await first.stop();
    }
  });

  test('find what was given after a restart, and repair claims that do not fit the Services', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const first = await startTestApi({ store });
    const { clusterIP } = made(await create(first, 'a'));
    await first.server.stop();
    const key = `/registry/ipaddresses/${clusterIP}`;
    await store.transact(
      [],
      [
        { type: 'delete', key },
        { type: 'put', key: '/registry/ipaddresses/10.0.0.5', value: ipAddress('10.0.0.5', 'ipallocator.k8s.io') },
        { type: 'put', key: '/registry/ipaddresses/10.0.0.6', value: ipAddress('10.0.0.6', 'somebody.example.com') },
      ],
    );
    const second = await startTestApi({ store });
    try {
      assert.match(messageOf(await create(second, 'b', { clusterIP: clusterIP! })), /already allocated/);
      const { entry } = await store.get(key);
      assert.deepEqual(JSON.parse(Buffer.from(entry!.value).toString()).spec, {
        parentRef: { resource: 'services', namespace: 'default', name: 'a' },
      });
      made(await create(second, 'b', { clusterIP: '10.0.0.5' }));
      assert.match(messageOf(await create(second, 'c', { clusterIP: '10.0.0.6' })), /already allocated/);
    } finally {
      await second.stop();
    }
  });

  test('do not give what is claimed by nobody that can be seen', async () => {
    const store = createMemoryStore({ clock: systemClock });
    const api = await startTestApi({ store, serviceClusterIpRange: '10.0.0.0/29' });
    try {
      const claim = (ip: string) => ({ type: 'put' as const, key: `/registry/ipaddresses/${ip}`, value: ipAddress(ip) });
      await store.transact([], [claim('10.0.0.2'), claim('10.0.0.3'), claim('10.0.0.4'), claim('10.0.0.5')]);
      assert.equal(made(await create(api, 'a')).clusterIP, '10.0.0.6');
      assert.match(messageOf(await create(api, 'b', { clusterIP: '10.0.0.3' })), /already allocated/);
      refused(await create(api, 'b'), 'Internal error occurred: failed to allocate a serviceIP: range is full', 500);
    } finally {
      await api.stop();
    }
  });
});
