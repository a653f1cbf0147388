import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../store.ts';
import { del, put, RecordingSink, withCode, write } from './driver.ts';

/** Watches. */
export function testWatches(withStore: (body: (store: Store) => Promise<void>) => () => Promise<void>): void {
  test(
    'a watch tells what comes, one batch a revision, with what was there before',
    withStore(async (store) => {
      const sink = new RecordingSink();
      store.watch('/p/', 2, sink);
      await write(store, put('/p/a', '1'), put('/q', 'x'), put('/p/b', '1'));
      await write(store, put('/q', 'y'));
      await write(store, put('/p/a', '2'), del('/p/b'));
      const last = await write(store, put('/p/b', '3'));
      await sink.reached(last);
      assert.deepEqual(sink.batches, [
        { revision: 2, events: ['put /p/a=1 2/2', 'put /p/b=1 2/2'] },
        { revision: 4, events: ['put /p/a=2 2/4 was /p/a=1 2/2', 'delete /p/b @4 was /p/b=1 2/2'] },
        { revision: 5, events: ['put /p/b=3 5/5'] },
      ]);
    }),
  );

  test(
    'a watch from the past tells the same as one that was there',
    withStore(async (store) => {
      const early = new RecordingSink();
      store.watch('/', 1, early);
      for (let i = 0; i < 700; i++)
        // Not one by one, so that history and present meet in the middle of a group of commits.
        await Promise.all([
          write(store, put(`/${i % 7}`, String(i))),
          i % 5 === 0 ? write(store, del(`/${(i * 3) % 7}`)) : undefined,
        ]);
      const late = new RecordingSink();
      const half = new RecordingSink();
      store.watch('/', 2, late);
      store.watch('/', 400, half);
      const last = await write(store, put('/end', 'x'));
      await Promise.all([early.reached(last), late.reached(last), half.reached(last)]);
      assert.deepEqual(late.batches, early.batches);
      assert.deepEqual(
        half.batches,
        early.batches.filter(({ revision }) => revision >= 400),
      );
    }),
  );

  test(
    'a watch from any number of revisions ago is told all of them',
    withStore(async (store) => {
      const writes = Array.from({ length: 1030 }, (_, i) => write(store, put('/a', String(i))));
      const last = Math.max(...(await Promise.all(writes)));
      for (const missed of [1, 2, 255, 256, 257, 258, 511, 512, 513, 1024, 1025]) {
        const sink = new RecordingSink();
        store.watch('/', last - missed + 1, sink);
        await sink.reached(last);
        assert.deepEqual([sink.batches.length, sink.batches[0]?.revision], [missed, last - missed + 1]);
      }
    }),
  );

  test(
    'a watch that begins while writes go on misses and repeats nothing',
    withStore(async (store) => {
      const sinks: RecordingSink[] = [];
      const writes: Promise<number>[] = [];
      for (let i = 0; i < 200; i++) {
        writes.push(write(store, put(`/${i % 3}`, String(i))));
        if (i % 10 === 0) {
          const sink = new RecordingSink();
          sinks.push(sink);
          store.watch('/', 2, sink);
        }
        if (i % 4 === 0) await writes.at(-1);
      }
      const last = Math.max(...(await Promise.all(writes)));
      for (const sink of sinks) {
        await sink.reached(last);
        assert.deepEqual(
          sink.batches.map(({ revision }) => revision),
          Array.from({ length: 200 }, (_, i) => i + 2),
        );
      }
    }),
  );

  test(
    'a watch from a future revision waits for it',
    withStore(async (store) => {
      const sink = new RecordingSink();
      store.watch('/', 4, sink);
      for (const value of ['2', '3', '4']) await write(store, put('/a', value));
      await sink.reached(4);
      assert.deepEqual(sink.shown, ['put /a=4 2/4 was /a=3 2/3']);
    }),
  );

  test(
    'a write is told to a watch only when its writer could be told too',
    withStore(async (store) => {
      const seen: number[] = [];
      const reads: Promise<unknown>[] = [];
      const told = new RecordingSink();
      store.watch('/', 2, {
        events(events, revision) {
          reads.push(store.revision().then((newest) => seen.push(newest >= revision ? revision : -revision)));
          told.events(events, revision);
        },
        closed() {},
      });
      await Promise.all(Array.from({ length: 20 }, (_, i) => write(store, put('/a', String(i)))));
      await told.reached(21);
      await Promise.all(reads);
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => i + 2),
      );
    }),
  );

  test(
    'a watch from before the compaction is closed as compacted, one from its revision on is served',
    withStore(async (store) => {
      await write(store, put('/a', '1'));
      await write(store, put('/a', '2'));
      const at = await write(store, del('/a'));
      const last = await write(store, put('/a', '4'));
      await store.compact(at);
      const old = new RecordingSink();
      const served = new RecordingSink();
      store.watch('/', at - 1, old);
      store.watch('/', at, served);
      await old.end();
      assert.ok(withCode('compacted')(old.ended?.error));
      assert.deepEqual(old.batches, []);
      await served.reached(last);
      assert.deepEqual(
        served.batches.map(({ revision }) => revision),
        [at, last],
      );
      assert.match(served.shown[0]!, /^delete \/a @4/);
    }),
  );

  test(
    'compaction does not disturb a watch that has told what is forgotten',
    withStore(async (store) => {
      const sink = new RecordingSink();
      store.watch('/', 2, sink);
      await write(store, put('/a', '1'));
      await sink.reached(await write(store, put('/a', '2')));
      await store.compact(3);
      await sink.reached(await write(store, put('/a', '3')));
      assert.equal(sink.shown.at(-1), 'put /a=3 2/4 was /a=2 2/3');
      assert.equal(sink.ended, undefined);
    }),
  );

  test(
    'a watch that its owner closed is told so once, and nothing more',
    withStore(async (store) => {
      const closed = new RecordingSink();
      const other = new RecordingSink();
      const handle = store.watch('/', 2, closed);
      store.watch('/', 2, other);
      const first = await write(store, put('/a', '1'));
      await Promise.all([closed.reached(first), other.reached(first)]);
      handle.close();
      handle.close();
      assert.deepEqual(closed.ended, { error: undefined });
      await other.reached(await write(store, put('/a', '2')));
      assert.equal(closed.batches.length, 1);
    }),
  );

  test(
    'a sink that throws loses its watch, not the others theirs',
    withStore(async (store) => {
      const bad = new RecordingSink();
      const good = new RecordingSink();
      const failing = {
        events() {
          throw new Error('out of order');
        },
        closed: (error?: Parameters<typeof bad.closed>[0]) => bad.closed(error),
      };
      store.watch('/', 2, failing);
      store.watch('/', 2, good);
      await good.reached(await write(store, put('/a', '1')));
      await bad.end();
      assert.ok(withCode('unavailable')(bad.ended?.error));
    }),
  );

  test(
    'a thousand watches on overlapping prefixes each get exactly theirs',
    withStore(async (store) => {
      const prefixes = ['', '/', '/p', '/p/', '/p/a', '/p/a/', '/p/b', '/q/', '/p/a/1'];
      const watches = Array.from({ length: 1000 }, (_, i) => {
        const prefix = prefixes[i % prefixes.length]!;
        const sink = new RecordingSink();
        store.watch(prefix, 2, sink);
        return { prefix, sink };
      });
      const keys = ['/p/a/1', '/p/a/2', '/p/b', '/q/1', '/p/a', '/p', '/'];
      for (const key of keys) await write(store, put(key, 'x'));
      const last = new RecordingSink();
      store.watch('/', keys.length + 1, last);
      await last.reached(keys.length + 1);
      for (const { prefix, sink } of watches)
        assert.deepEqual(
          sink.batches.map(({ revision }) => keys[revision - 2]),
          keys.filter((key) => key.startsWith(prefix)),
        );
    }),
  );
}
