import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../std/clock.ts';
import { SettableClock } from '../../std/settable-clock.test-support.ts';
import { askedTimeoutMs } from './asked-timeout.ts';
import { RunningRequests } from './running-requests.ts';

const setUp = <C extends VirtualClock = VirtualClock>(clock = new VirtualClock(0) as C) => {
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

test('a clock that is set takes no time from requests, and gives them none', async () => {
  for (const aheadMs of [3_600_000, -3_600_000]) {
    const { clock, failed, begin } = setUp(new SettableClock(0));
    begin('plain');
    await clock.advance(30_000);
    clock.aheadMs = aheadMs;
    await clock.advance(10_000);
    assert.deepEqual(failed, []);
    await clock.advance(21_000);
    assert.deepEqual(failed, [`plain: ${TIMEOUT}`]);
  }
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

test('watches that have time to end when the server stops end a few at a time, all else that lasts at once', async () => {
  const { clock, running } = setUp();
  let ended = 0;
  const cut: string[] = [];
  for (let i = 0; i < 45; i++) {
    const end = running.begin(true, () => [ended++, end()], undefined, false, true);
  }
  const endExec = running.begin(true, () => [cut.push('exec'), endExec()]);
  let drained = false;
  const draining = running.drain(60_000, 10_000).then(() => {
    drained = true;
  });
  assert.deepEqual([ended, cut], [10, ['exec']]);
  await clock.advance(50);
  assert.deepEqual([ended, drained], [20, false]);
  await clock.advance(150);
  await draining;
  assert.deepEqual([ended, running.count, clock.pending], [45, 0, 0]);
});

test('more watches than the usual pace ends in time end faster; one that does not end is cut at the bound', async () => {
  const { clock, running } = setUp();
  let ended = 0;
  for (let i = 0; i < 1_000; i++) {
    const end = running.begin(true, () => [ended++, end()], undefined, false, true);
  }
  let told = 0;
  running.begin(true, () => told++, undefined, false, true);
  const draining = running.drain(500, 1_000);
  await clock.advance(500);
  assert.ok(ended > 500 && ended < 700, `${ended} of 1000 after half of the time`);
  await clock.advance(500);
  await draining;
  assert.deepEqual([ended, told], [1_000, 2]);
});
