import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedule } from '../../api/batch/v1/cron-schedule.ts';
import type { V1CronJob } from '../../api/gen/types.ts';
import { nextTime, ZoneClock } from './next-time.ts';
import { dueTime } from './plan.ts';

const after = (schedule: string, time: string, zone = 'UTC') => {
  const next = nextTime(
    parseSchedule(schedule, () => true),
    new ZoneClock(zone),
    Date.parse(time),
  );
  return next === undefined ? undefined : new Date(next).toISOString().replace(':00.000Z', 'Z');
};

test('the next time is the first that fits after, never the same', () => {
  assert.equal(after('*/15 * * * *', '2026-01-01T00:00:00Z'), '2026-01-01T00:15Z');
  assert.equal(after('0 0 1 * *', '2026-01-15T12:00:00Z'), '2026-02-01T00:00Z');
  assert.equal(after('30 6 * * mon', '2026-01-01T00:00:00Z'), '2026-01-05T06:30Z');
  assert.equal(after('0 0 13 * fri', '2026-01-01T00:00:00Z'), '2026-01-02T00:00Z', 'either day will do');
  assert.equal(after('0 0 29 2 *', '2026-01-01T00:00:00Z'), '2028-02-29T00:00Z');
  assert.equal(after('0 0 30 2 *', '2026-01-01T00:00:00Z'), undefined);
  assert.equal(after('@hourly', '2026-12-31T23:30:00Z'), '2027-01-01T00:00Z');
  assert.equal(after('@every 90s', '2026-01-01T00:00:30Z'), '2026-01-01T00:02Z');
});

test('a time zone decides, also when its clock changes', () => {
  assert.equal(after('0 9 * * *', '2026-01-01T00:00:00Z', 'Asia/Shanghai'), '2026-01-01T01:00Z');
  assert.equal(after('30 9 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin'), '2026-03-29T07:30Z', 'summer time began');
  assert.equal(after('30 2 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin'), '2026-03-30T00:30Z', 'half past two was skipped');
  assert.equal(after('0 0 * * *', '2026-10-24T12:00:00Z', 'Europe/Berlin'), '2026-10-24T22:00Z');
  assert.equal(after('0 0 * * *', '2026-10-25T12:00:00Z', 'Europe/Berlin'), '2026-10-25T23:00Z', 'summer time ended');
  assert.throws(() => new ZoneClock('Mars/Olympus'), RangeError);
});

test('of many missed times the newest is due, found without counting them all', () => {
  const zone = new ZoneClock('UTC');
  const nowMs = Date.parse('2026-06-01T00:00:30Z');
  const due = (schedule: string, last: string, spec: object = {}) => {
    const cronJob = { metadata: { creationTimestamp: last }, spec } as unknown as V1CronJob;
    const { scheduledMs, missedMany } = dueTime(
      cronJob,
      parseSchedule(schedule, () => true),
      zone,
      nowMs,
    );
    return [scheduledMs === undefined ? undefined : new Date(scheduledMs).toISOString(), missedMany];
  };
  assert.deepEqual(due('* * * * *', '2020-01-01T00:00:00Z'), ['2026-06-01T00:00:00.000Z', true]);
  assert.deepEqual(due('0 0 * * *', '2026-05-30T12:00:00Z'), ['2026-06-01T00:00:00.000Z', false]);
  assert.deepEqual(due('0 12 * * *', '2026-05-31T13:00:00Z'), [undefined, false]);
  assert.deepEqual(due('* * * * *', '2020-01-01T00:00:00Z', { startingDeadlineSeconds: 10 }), [undefined, false]);
});
