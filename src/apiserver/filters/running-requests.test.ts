import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { askedTimeoutMs } from './asked-timeout.ts';
import { RunningRequests } from './running-requests.ts';

const setUp = () => {
  const clock = new VirtualClock(0);
  const running = new RunningRequests(clock, 60_000);
  const failed: string[] = [];
  const begin = (name: string, longRunning = false, withinMs?: number, writes?: boolean) =>
    running.begin(longRunning, (error) => failed.push(`${name}: ${error.message}`), withinMs, writes);
  return { clock, running, failed, begin };
};
const TIMEOUT = 'Timeout: request did not complete within the allotted timeout';

test('a request ends when its time is up, one that lasts does not', async () => {
  const { clock, failed, begin } = setUp();
  begin('plain');
  begin('watch', true);
  begin('done')();
  await clock.advance(61_000);
  assert.deepEqual(failed, [`plain: ${TIMEOUT}`]);
});

test('a request may ask for less time, not for more', async () => {
  const { clock, running, failed, begin } = setUp();
  begin('short', false, 2_000);
  begin('none', false, 0);
  begin('long', false, 3_600_000);
  begin('watch', true, 2_000);
  begin('quick', false, 2_000)();
  await clock.advance(2_000);
  assert.deepEqual(failed, [`short: ${TIMEOUT}`]);
  assert.equal(running.count, 3);
  await clock.advance(59_000);
  assert.deepEqual(failed.slice(1), [`none: ${TIMEOUT}`, `long: ${TIMEOUT}`]);
});

test('a write whose time is up is told whose time that was', async () => {
  const { clock, failed, begin } = setUp();
  const told = 'Timeout: request did not complete within requested timeout - context deadline exceeded';
  begin('short', false, 2_000, true);
  begin('long', false, undefined, true);
  await clock.advance(61_000);
  assert.deepEqual(failed, [`short: ${told}`, `long: ${told}`]);
});

test('the time is a duration of Go', () => {
  assert.equal(askedTimeoutMs(new URLSearchParams('timeout=1m30s')), 90_000);
  assert.equal(askedTimeoutMs(new URLSearchParams('timeout=0s')), 0);
  assert.equal(askedTimeoutMs(new URLSearchParams('')), undefined);
  assert.throws(() => askedTimeoutMs(new URLSearchParams('timeout=invalid')), {
    message: 'invalid timeout specified in the request URL - time: invalid duration "invalid"',
  });
});
