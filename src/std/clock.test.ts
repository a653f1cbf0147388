import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setAlarm, sleepUntil, VirtualClock } from './clock.ts';
import { SettableClock } from './settable-clock.test-support.ts';

const START_MS = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test('an alarm rings when it is time, also when the clock was set or the machine slept: at the latest a minute afterwards', async () => {
  const clock = new SettableClock(START_MS);
  let rung = 0;
  setAlarm(clock, START_MS + 300 * DAY_MS, () => rung++);
  await clock.advance(HOUR_MS);
  assert.equal(rung, 0);
  clock.aheadMs = 299 * DAY_MS;
  await clock.advance(HOUR_MS);
  assert.equal(rung, 0, 'a day is left');
  clock.aheadMs = 300 * DAY_MS;
  await clock.advance(60_000);
  assert.equal(rung, 1);
  await clock.advance(400 * DAY_MS);
  assert.equal(rung, 1);
  assert.equal(clock.pending, 0);
});

test('an alarm does not ring before its time on a clock that was set back, and not at all when it was cancelled', async () => {
  const clock = new SettableClock(START_MS);
  let rung = 0;
  const alarm = setAlarm(clock, START_MS + HOUR_MS, () => rung++);
  clock.aheadMs = -HOUR_MS;
  await clock.advance(HOUR_MS + 60_000);
  assert.equal(rung, 0);
  await clock.advance(HOUR_MS);
  assert.equal(rung, 1);
  const cancelled = setAlarm(clock, clock.now() + HOUR_MS, () => rung++);
  await clock.advance(120_000);
  cancelled.cancel();
  alarm.cancel();
  await clock.advance(DAY_MS);
  assert.deepEqual([rung, clock.pending], [1, 0]);
});

test('on a clock that is never set an alarm is one timer, and who sleeps until then can be woken', async () => {
  const clock = new VirtualClock(START_MS);
  const reason = new Error('enough');
  const waking = new AbortController();
  const woken = sleepUntil(clock, START_MS + DAY_MS, waking.signal);
  const slept = sleepUntil(clock, START_MS + HOUR_MS);
  assert.equal(clock.pending, 2);
  await clock.advance(HOUR_MS);
  await slept;
  waking.abort(reason);
  await assert.rejects(woken, reason);
  assert.equal(clock.pending, 0);
});
