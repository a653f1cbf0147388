import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { put, RecordingSink, show, withCode, write } from '../contract/driver.ts';
import { testStoreContract } from '../store-contract.ts';
import { memoryDriver } from './memory-driver.ts';
import { createMemoryStore } from './memory-store.ts';

testStoreContract(memoryDriver);

test('history beyond the limit is compacted by the store itself, the present stays', async () => {
  const store = createMemoryStore({ clock: new VirtualClock(0), historyLimitBytes: 100_000 });
  for (let i = 0; i < 400; i++) await write(store, put('/a', 'x'.repeat(1000)), put(`/${i}`, String(i)));
  await assert.rejects(store.list('/', { revision: 2 }), withCode('compacted'));
  assert.equal(await store.count('/'), 401);
  assert.equal(show((await store.list('/', { revision: 400, startKey: '/398' })).entries[0]), '/398=398 400/400');
  const sink = new RecordingSink();
  store.watch('/', 390, sink);
  await sink.reached(401);
  assert.equal(sink.batches.length, 12);
  await store.close();
});
