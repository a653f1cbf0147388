import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';
import { TravelClock } from './travel-clock.ts';

const DAY_MS = 86_400_000;

test('it goes as the machine does, and a leap is a sleep: what fell due fires once, in order, at the end', () => {
  const clock = new TravelClock(DAY_MS);
  const fired: string[] = [];
  const repeat = () => {
    fired.push('repeat');
    clock.setTimer(60_000, repeat);
  };
  clock.setTimer(120_000, () => fired.push('second'));
  clock.setTimer(60_000, repeat);
  clock.setTimer(90_000, () => fired.push('cancelled')).cancel();
  clock.setTimer(180_000, () => cancelled.cancel());
  const cancelled = clock.setTimer(180_000, () => fired.push('cancelled by another'));
  clock.setTimer(2 * DAY_MS, () => fired.push('later'));
  clock.leap(DAY_MS);
  assert.deepEqual(fired, ['repeat', 'second']);
  assert.ok(clock.now() >= 2 * DAY_MS);
  clock.leap(DAY_MS);
  assert.deepEqual(fired, ['repeat', 'second', 'repeat', 'later']);
});

test('without a leap timers fire by themselves, before one and after it', async () => {
  const clock = new TravelClock();
  await clock.sleep(1);
  const waits = clock.sleep(DAY_MS + 1);
  clock.leap(DAY_MS);
  await waits;
  assert.ok(clock.now() - systemClock.now() >= DAY_MS - 1000);
  const stop = new AbortController();
  const given = clock.sleep(DAY_MS, stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(given, /enough/);
  clock.leap(2 * DAY_MS);
  assert.throws(() => clock.leap(-1), RangeError);
  assert.throws(() => clock.leap(Number.NaN), RangeError);
});
