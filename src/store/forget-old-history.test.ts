import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { openStore } from './open-store.ts';
import { StoreError } from './store.ts';

test('history is forgotten when it is five minutes old, and what is current stays', async () => {
  const clock = new VirtualClock(0);
  const store = await openStore('memory', { directory: '', clock, logger: silentLogger });
  const put = async (text: string) => {
    const { revision } = await store.transact([], [{ type: 'put', key: '/a', value: Buffer.from(text) }]);
    return revision;
  };
  const textAt = async (revision: number) => {
    const { entries } = await store.list('/', { revision });
    return entries.map(({ value }) => Buffer.from(value).toString()).join();
  };
  const first = await put('first');
  await clock.advance(60_000);
  const second = await put('second');
  await clock.advance(4 * 60_000);
  assert.equal(await textAt(first), 'first');
  await clock.advance(2 * 60_000);
  await assert.rejects(textAt(first), (error) => error instanceof StoreError && error.code === 'compacted');
  assert.equal(await textAt(second), 'second');
  await clock.advance(60 * 60_000);
  assert.equal(await textAt(await store.revision()), 'second');
  await store.close();
  assert.equal(clock.pending, 0);
});

test('a clock that is set back by a day does not keep history for a day', async () => {
  const virtual = new VirtualClock(0);
  let setBackMs = 0;
  const clock: Clock = {
    now: () => virtual.now() - setBackMs,
    setTimer: (delayMs, fn) => virtual.setTimer(delayMs, fn),
    sleep: (delayMs, signal) => virtual.sleep(delayMs, signal),
  };
  const store = await openStore('memory', { directory: '', clock, logger: silentLogger });
  const { revision } = await store.transact([], [{ type: 'put', key: '/a', value: Buffer.from('a') }]);
  await store.transact([], [{ type: 'put', key: '/a', value: Buffer.from('b') }]);
  await virtual.advance(2 * 60_000);
  setBackMs = 24 * 3_600_000;
  await virtual.advance(10 * 60_000);
  await assert.rejects(store.list('/', { revision }), (error) => error instanceof StoreError && error.code === 'compacted');
  await store.close();
});
