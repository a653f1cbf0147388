import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListResult, Store } from '../store.ts';
import { del, put, show, withCode, write } from './driver.ts';

const keysOf = ({ entries }: ListResult) => entries.map(({ key }) => key);

/** Lists, counts, old revisions and compaction. */
export function testReads(withStore: (body: (store: Store) => Promise<void>) => () => Promise<void>): void {
  test(
    'a list holds the keys that begin with the prefix, in the order of their UTF-8 bytes',
    withStore(async (store) => {
      const keys = ['/p/z', '/p/é', '/p/\u{ffff}', '/p/\u{1f600}', '/p/a', '/p/', '/p', '/q', '/p/a\0b', '/o'];
      await write(store, ...keys.map((key) => put(key, 'x')));
      const expected = keys.filter((key) => key.startsWith('/p/')).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(keysOf(await store.list('/p/')), expected);
      assert.equal(await store.count('/p/'), expected.length);
      assert.equal(await store.count(''), keys.length);
      assert.equal((await store.list('')).entries.length, keys.length);
    }),
  );

  test(
    'a prefix that ends in the last of all characters still has an end',
    withStore(async (store) => {
      await write(store, put('/\u{10ffff}a', 'x'), put('0', 'x'), put('/\ud7ff', 'x'), put('/\ue000', 'x'));
      assert.deepEqual(keysOf(await store.list('/\u{10ffff}')), ['/\u{10ffff}a']);
      assert.deepEqual(keysOf(await store.list('/\ud7ff')), ['/\ud7ff']);
    }),
  );

  test(
    'a limited list tells how many are left, and goes on from a start key',
    withStore(async (store) => {
      await write(store, ...['a', 'b', 'c', 'd', 'e'].map((name) => put(`/p/${name}`, name)), put('/q', 'x'));
      await write(store, del('/p/b'));
      const first = await store.list('/p/', { limit: 2 });
      assert.deepEqual([keysOf(first), first.remaining], [['/p/a', '/p/c'], 2]);
      const next = await store.list('/p/', { limit: 2, startKey: '/p/c\0' });
      assert.deepEqual([keysOf(next), next.remaining], [['/p/d', '/p/e'], 0]);
      const exact = await store.list('/p/', { limit: 4 });
      assert.deepEqual([exact.entries.length, exact.remaining], [4, 0]);
      assert.equal((await store.list('/p/', { limit: 0 })).entries.length, 4);
      await assert.rejects(store.list('/p/', { startKey: '/q' }), RangeError);
      await assert.rejects(store.list('/p/', { limit: -1 }), RangeError);
    }),
  );

  test(
    'a list at an old revision shows that state, page by page',
    withStore(async (store) => {
      await write(store, put('/a', '1'), put('/b', '1'), put('/c', '1'));
      const old = await write(store, put('/b', '2'));
      await write(store, del('/a'), put('/b', '3'), put('/aa', 'new'));
      await write(store, put('/a', 'again'));
      const all = await store.list('/', { revision: old });
      assert.deepEqual(all.entries.map(show), ['/a=1 2/2', '/b=2 2/3', '/c=1 2/2']);
      assert.deepEqual([all.revision, all.remaining], [old, 0]);
      const page = await store.list('/', { revision: old, limit: 1 });
      assert.deepEqual([page.entries.map(show), page.remaining], [['/a=1 2/2'], 2]);
      const rest = await store.list('/', { revision: old, limit: 1, startKey: '/a\0' });
      assert.deepEqual([rest.entries.map(show), rest.remaining], [['/b=2 2/3'], 1]);
      assert.deepEqual((await store.list('/', { revision: 1 })).entries, []);
    }),
  );

  test(
    'a read of the future is refused',
    withStore(async (store) => {
      await assert.rejects(store.list('/', { revision: 2 }), withCode('future-revision'));
      await assert.rejects(store.compact(2), withCode('future-revision'));
    }),
  );

  test(
    'compaction keeps the present and the state at its revision, and nothing older',
    withStore(async (store) => {
      await write(store, put('/a', '1'), put('/b', '1'), put('/gone', '1'));
      await write(store, put('/a', '2'));
      await write(store, del('/gone'));
      const at = await write(store, put('/b', '2'));
      await write(store, put('/a', '3'), put('/gone', '2'));
      await store.compact(at);
      await assert.rejects(store.list('/', { revision: at - 1 }), withCode('compacted'));
      assert.deepEqual((await store.list('/', { revision: at })).entries.map(show), ['/a=2 2/3', '/b=2 2/5']);
      assert.deepEqual((await store.list('/')).entries.map(show), ['/a=3 2/6', '/b=2 2/5', '/gone=2 6/6']);
      await store.compact(at - 1);
      await assert.rejects(store.list('/', { revision: at - 1 }), withCode('compacted'), 'compaction is not undone');
    }),
  );

  test(
    'compacting over thousands of revisions and keys leaves exactly what is alive',
    withStore(async (store) => {
      for (let round = 0; round < 4; round++)
        await Promise.all(Array.from({ length: 300 }, (_, i) => write(store, put(`/k/${i}`, `${round}`))));
      await Promise.all(Array.from({ length: 150 }, (_, i) => write(store, del(`/k/${2 * i}`))));
      await store.compact(await store.revision());
      const { entries } = await store.list('/k/');
      assert.equal(entries.length, 150);
      assert.ok(entries.every(({ value }) => Buffer.from(value).toString() === '3'));
      assert.equal(await store.count('/k/'), 150);
      await write(store, put('/k/0', 'again'));
      const { createRevision, modRevision } = (await store.get('/k/0')).entry!;
      assert.equal(createRevision, modRevision);
    }),
  );
}
