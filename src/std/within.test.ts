import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from './clock.ts';
import { deferred } from './lifecycle.ts';
import { within } from './within.ts';

test('what comes in time is passed on, what takes longer is given up', async () => {
  const clock = new VirtualClock(0);
  assert.equal(await within(clock, 1000, Promise.resolve(1), 'no'), 1);
  await assert.rejects(within(clock, 1000, Promise.reject(new Error('own')), 'no'), /^Error: own$/);
  const late = deferred<number>();
  const waited = assert.rejects(within(clock, 1000, late.promise, 'no answer in 1s'), /^Error: no answer in 1s$/);
  await clock.advance(1000);
  await waited;
  late.reject(new Error('afterwards'));
  assert.equal(clock.pending, 0);
});
