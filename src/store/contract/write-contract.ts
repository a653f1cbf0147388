import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../store.ts';
import type { DriverUnderTest } from './driver.ts';
import { del, put, show, withCode, write } from './driver.ts';

/** Transactions and revisions. */
export function testWrites(
  driver: DriverUnderTest,
  withStore: (body: (store: Store) => Promise<void>) => () => Promise<void>,
): void {
  test(
    'an empty store is at revision 1 and has no keys',
    withStore(async (store) => {
      assert.equal(await store.revision(), 1);
      assert.deepEqual(await store.get('/a'), { entry: undefined, revision: 1 });
      assert.deepEqual(await store.list('/'), { entries: [], revision: 1, remaining: 0 });
      assert.equal(await store.count(''), 0);
    }),
  );

  test(
    'each transaction that writes takes the next revision, which all its writes carry',
    withStore(async (store) => {
      assert.equal(await write(store, put('/a', '1')), 2);
      assert.equal(await write(store, put('/b', '1'), put('/a', '2'), put('/c', '1')), 3);
      const { entries } = await store.list('/');
      assert.deepEqual(entries.map(show), ['/a=2 2/3', '/b=1 3/3', '/c=1 3/3']);
      assert.equal(await store.revision(), 3);
    }),
  );

  test(
    'a key that was deleted and made again has a new create revision',
    withStore(async (store) => {
      await write(store, put('/a', '1'));
      await write(store, del('/a'));
      assert.equal((await store.get('/a')).entry, undefined);
      await write(store, put('/a', '2'));
      assert.equal(show((await store.get('/a')).entry), '/a=2 4/4');
    }),
  );

  test(
    'deleting a missing key, or writing nothing, takes no revision',
    withStore(async (store) => {
      await write(store, put('/a', '1'));
      assert.deepEqual(await store.transact([], [del('/b')]), { succeeded: true, revision: 2, current: [] });
      assert.deepEqual(await store.transact([], []), { succeeded: true, revision: 2, current: [] });
      assert.equal(await write(store, del('/b'), put('/c', '1')), 3);
    }),
  );

  test(
    'a transaction whose compares hold is made, and only one of those that raced for a key',
    withStore(async (store) => {
      const results = await Promise.all(
        Array.from({ length: 16 }, (_, i) => store.transact([{ key: '/a', modRevision: 0 }], [put('/a', String(i))])),
      );
      assert.equal(results.filter(({ succeeded }) => succeeded).length, 1);
      assert.equal(await store.revision(), 2);
      const update = await store.transact([{ key: '/a', modRevision: 2 }], [put('/a', 'next')]);
      assert.deepEqual(update, { succeeded: true, revision: 3, current: [] });
    }),
  );

  test(
    'a transaction of which one compare fails writes nothing and tells what all compared keys hold',
    withStore(async (store) => {
      await write(store, put('/a', '1'), put('/b', '1'));
      await write(store, put('/c', '1'));
      await write(store, del('/c'));
      const compares = [
        { key: '/b', modRevision: 2 },
        { key: '/a', modRevision: 9 },
        { key: '/c', modRevision: 4 },
      ];
      const result = await store.transact(compares, [put('/b', '2'), del('/a')]);
      assert.equal(result.succeeded, false);
      assert.equal(result.revision, 4);
      assert.deepEqual(result.current.map(show), ['/b=1 2/2', '/a=1 2/2', undefined]);
      assert.deepEqual((await store.list('/')).entries.map(show), ['/a=1 2/2', '/b=1 2/2']);
    }),
  );

  test(
    'a compare with a deletion’s revision does not hold, one with 0 does',
    withStore(async (store) => {
      await write(store, put('/a', '1'));
      await write(store, del('/a'));
      assert.equal((await store.transact([{ key: '/a', modRevision: 3 }], [put('/a', '2')])).succeeded, false);
      assert.equal((await store.transact([{ key: '/a', modRevision: 0 }], [put('/a', '2')])).succeeded, true);
    }),
  );

  test(
    'values keep every byte, and may be empty or large',
    withStore(async (store) => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const large = new Uint8Array(1_500_000).fill(7);
      await write(store, { type: 'put', key: '/all', value: all }, { type: 'put', key: '/none', value: new Uint8Array(0) });
      await write(store, { type: 'put', key: '/large', value: large });
      const bytesOf = async (key: string) => Buffer.from((await store.get(key)).entry!.value);
      assert.ok((await bytesOf('/all')).equals(all));
      assert.equal((await bytesOf('/none')).length, 0);
      assert.ok((await bytesOf('/large')).equals(large));
    }),
  );

  test(
    'what no store can keep is refused before anything is written',
    withStore(async (store) => {
      await assert.rejects(write(store, put('/a', '1'), put('/a', '2')), /\/a" is written twice/);
      await assert.rejects(write(store, put('', '1')), /must not be empty/);
      await assert.rejects(write(store, put('/\ud800', '1')), /not well-formed/);
      await assert.rejects(write(store, put('/a', '1', '77')), withCode('lease-not-found'));
      await assert.rejects(write(store, { type: 'put', key: '/a', value: 'text' as never }), TypeError);
      assert.equal(await store.revision(), 1);
    }),
  );

  test(
    'transactions made at the same time each get their own revision, in the order they were made if there is one',
    withStore(async (store) => {
      const revisions = await Promise.all(Array.from({ length: 100 }, (_, i) => write(store, put(`/${i}`, 'x'))));
      assert.deepEqual(
        driver.unordered ? revisions.toSorted((a, b) => a - b) : revisions,
        Array.from({ length: 100 }, (_, i) => i + 2),
      );
    }),
  );
}
