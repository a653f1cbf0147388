import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedule } from '../../api/batch/v1/cron-schedule.ts';
import type { V1CronJob } from '../../api/gen/types.ts';
import { ZoneClock } from './next-time.ts';
import { dueTime } from './plan.ts';

interface Case {
  readonly title: string;
  readonly schedule: string;
  readonly last: string;
  readonly now: string;
  readonly deadlineSeconds?: number;
  readonly scheduled: string | undefined;
  readonly next: string;
  readonly missedMany?: boolean;
}

const CASES: readonly Case[] = [
  { title: 'nothing yet', schedule: '0 * * * *', last: '10:00', now: '10:59:59', scheduled: undefined, next: '11:00' },
  { title: 'one', schedule: '0 * * * *', last: '10:00', now: '11:00', scheduled: '11:00', next: '12:00' },
  { title: 'the newest of several', schedule: '0 * * * *', last: '08:00', now: '11:30', scheduled: '11:00', next: '12:00' },
  { title: 'a hundred are not many', schedule: '* * * * *', last: '10:00', now: '11:40:30', scheduled: '11:40', next: '11:41' },
  {
    title: 'a hundred and one are',
    schedule: '* * * * *',
    last: '10:00',
    now: '11:41',
    scheduled: '11:41',
    next: '11:42',
    missedMany: true,
  },
  {
    title: 'what is too long ago for the deadline is not counted',
    schedule: '* * * * *',
    last: '00:00',
    now: '11:41:10',
    deadlineSeconds: 200,
    scheduled: '11:41',
    next: '11:42',
  },
  {
    title: 'nothing within the deadline',
    schedule: '0 * * * *',
    last: '09:00',
    now: '10:30',
    deadlineSeconds: 60,
    scheduled: undefined,
    next: '11:00',
  },
  {
    title: 'an interval from the last start',
    schedule: '@every 7m',
    last: '10:00',
    now: '10:06',
    scheduled: undefined,
    next: '10:07',
  },
  { title: 'an interval that is late', schedule: '@every 7m', last: '10:00', now: '10:16', scheduled: '10:14', next: '10:21' },
  {
    title: 'an interval that was missed thousands of times',
    schedule: '@every 7s',
    last: '00:00',
    now: '10:00',
    scheduled: '09:59:54',
    next: '10:00:01',
    missedMany: true,
  },
];

const time = (text: string) => Date.parse(`2026-05-05T${text.length === 5 ? `${text}:00` : text}Z`);

for (const { title, schedule, last, now, deadlineSeconds, scheduled, next, missedMany = false } of CASES)
  test(`what is due: ${title}`, () => {
    const cronJob = {
      spec: { ...(deadlineSeconds && { startingDeadlineSeconds: deadlineSeconds }) },
      status: { lastScheduleTime: new Date(time(last)).toISOString() },
    } as unknown as V1CronJob;
    const due = dueTime(
      cronJob,
      parseSchedule(schedule, () => true),
      new ZoneClock('UTC'),
      time(now),
    );
    const told = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
    assert.deepEqual(
      [told(due.scheduledMs), told(due.nextMs), due.missedMany],
      [told(scheduled === undefined ? undefined : time(scheduled)), told(time(next)), missedMany],
    );
  });
