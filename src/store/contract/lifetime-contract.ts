import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import type { Store } from '../store.ts';
import type { DriverUnderTest } from './driver.ts';
import { del, put, RecordingSink, show, withCode, write } from './driver.ts';

/** Leases and the end of a store. */
export function testLifetimes(
  driver: DriverUnderTest,
  withStore: (body: (store: Store, clock: VirtualClock) => Promise<void>) => () => Promise<void>,
): void {
  test(
    'when a lease ends its keys are deleted in one revision, and watches see it',
    withStore(async (store, clock) => {
      const lease = await store.grantLease(driver.ownTime ? 3000 : 1000);
      await write(store, put('/a', '1', lease), put('/b', '1', lease), put('/c', '1'));
      const sink = new RecordingSink();
      store.watch('/', 3, sink);
      if (!driver.ownTime) {
        await clock.advance(999);
        assert.equal(await store.count('/'), 3);
        await clock.advance(1);
      }
      await sink.reached(3);
      assert.deepEqual(sink.batches, [{ revision: 3, events: ['delete /a @3 was /a=1 2/2', 'delete /b @3 was /b=1 2/2'] }]);
      await assert.rejects(store.keepLeaseAlive(lease), withCode('lease-not-found'));
      await assert.rejects(write(store, put('/d', '1', lease)), withCode('lease-not-found'));
    }),
  );

  test(
    'a lease that is kept alive does not end',
    withStore(async (store, clock) => {
      if (driver.ownTime) {
        const [kept, left] = [await store.grantLease(3000), await store.grantLease(3000)];
        await write(store, put('/kept', '1', kept), put('/left', '1', left));
        const sink = new RecordingSink();
        store.watch('/left', 3, sink);
        while (sink.batches.length === 0) {
          await store.keepLeaseAlive(kept);
          await Promise.race([sink.reached(3), new Promise((resolve) => setTimeout(resolve, 100))]);
        }
        assert.deepEqual(
          (await store.list('/')).entries.map(({ key }) => key),
          ['/kept'],
        );
        return;
      }
      const lease = await store.grantLease(1000);
      await write(store, put('/a', '1', lease));
      for (let i = 0; i < 5; i++) {
        await clock.advance(900);
        await store.keepLeaseAlive(lease);
      }
      assert.equal(await store.count('/'), 1);
      const sink = new RecordingSink();
      store.watch('/', 3, sink);
      await clock.advance(1000);
      await sink.reached(3);
      assert.equal(await store.count('/'), 0);
    }),
  );

  test(
    'a key belongs to the lease it was last written under',
    withStore(async (store) => {
      const [one, two] = [await store.grantLease(1000), await store.grantLease(1000)];
      await write(store, put('/free', '1', one), put('/moved', '1', one), put('/again', '1', one));
      await write(store, put('/free', '2'), put('/moved', '2', two), del('/again'));
      await write(store, put('/again', '2'));
      const before = await store.revision();
      await store.revokeLease(one);
      assert.equal(await store.revision(), before, 'no key was left under it');
      await store.revokeLease(two);
      assert.deepEqual(
        (await store.list('/')).entries.map(({ key }) => key),
        ['/again', '/free'],
      );
    }),
  );

  test(
    'a lease that is revoked, or never was, cannot be used',
    withStore(async (store, clock) => {
      const lease = await store.grantLease(1000);
      await store.revokeLease(lease);
      await assert.rejects(store.revokeLease(lease), withCode('lease-not-found'));
      await assert.rejects(store.keepLeaseAlive('no-such-lease'), withCode('lease-not-found'));
      await assert.rejects(write(store, put('/a', '1', 'no-such-lease')), withCode('lease-not-found'));
      await assert.rejects(store.grantLease(0), RangeError);
      assert.equal(clock.pending, 0, 'no timer is left');
    }),
  );

  test(
    'a closed store ends its watches without error and refuses every call',
    withStore(async (store, clock) => {
      await store.grantLease(1000);
      const sink = new RecordingSink();
      store.watch('/', 2, sink);
      const revision = await write(store, put('/a', '1'));
      await sink.reached(revision);
      await store.healthy();
      await Promise.all([store.close(), store.close()]);
      assert.deepEqual(sink.ended, { error: undefined });
      assert.equal(clock.pending, 0, 'no timer is left');
      const late = new RecordingSink();
      store.watch('/', 2, late);
      await late.end();
      assert.ok(withCode('closed')(late.ended?.error));
      const calls = [
        () => store.get('/a'),
        () => store.list('/'),
        () => store.count('/'),
        () => store.transact([], []),
        () => store.compact(1),
        () => store.revision(),
        () => store.grantLease(1),
        () => store.keepLeaseAlive('1'),
        () => store.revokeLease('1'),
        () => store.healthy(),
      ];
      for (const call of calls) await assert.rejects(call, withCode('closed'));
    }),
  );

  test(
    'a write under way when the store closes is either made or refused, never left open',
    withStore(async (store) => {
      const writes = Array.from({ length: 50 }, (_, i) => write(store, put(`/${i}`, 'x')));
      const settled = Promise.allSettled(writes);
      await store.close();
      for (const result of await settled) assert.ok(result.status === 'fulfilled' || withCode('closed')(result.reason));
    }),
  );

  test('what a lasting store acknowledged is there when it is opened again', async () => {
    const clock = new VirtualClock(0);
    const under = await driver.create(clock);
    if (!under.reopen) {
      await under.dispose();
      return;
    }
    try {
      const lease = await under.store.grantLease(driver.ownTime ? 60_000 : 1000);
      await write(under.store, put('/a', '1'), put('/leased', '1', lease));
      await write(under.store, put('/a', '2'));
      await write(under.store, put('/b', '1'));
      const last = await write(under.store, del('/b'));
      await under.store.compact(3);
      await clock.advance(700);
      const store = await under.reopen();
      assert.equal(await store.revision(), last);
      assert.deepEqual((await store.list('/')).entries.map(show), ['/a=2 2/3', '/leased=1 2/2']);
      assert.deepEqual((await store.list('/', { revision: 4 })).entries.map(show), ['/a=2 2/3', '/b=1 4/4', '/leased=1 2/2']);
      // Revision 2 may be kept a little longer than it need be.
      await assert.rejects(store.list('/', { revision: 1 }), withCode('compacted'));
      const sink = new RecordingSink();
      store.watch('/', 3, sink);
      if (driver.ownTime) await store.revokeLease(lease);
      else {
        await clock.advance(999);
        assert.equal(await store.count('/leased'), 1, 'its time began anew');
        await clock.advance(1);
      }
      await sink.reached(last + 1);
      assert.deepEqual(sink.shown, [
        'put /a=2 2/3 was /a=1 2/2',
        'put /b=1 4/4',
        'delete /b @5 was /b=1 4/4',
        'delete /leased @6 was /leased=1 2/2',
      ]);
    } finally {
      await under.dispose();
    }
  });
}
