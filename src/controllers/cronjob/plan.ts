import type { CronSchedule } from '../../api/batch/v1/cron-schedule.ts';
import type { V1CronJob, V1Job } from '../../api/gen/types.ts';
import { conditionIn, isFinished } from '../job/plan.ts';
import { nextTime, type ZoneClock } from './next-time.ts';

/** More missed starts than this are told: a clock may be wrong. */
const MANY_MISSED = 100;

export interface Due {
  /** The newest time that has come and was not started yet. */
  readonly scheduledMs?: number;
  /** When to look again; undefined when the schedule never comes. */
  readonly nextMs?: number;
  readonly missedMany: boolean;
  /** No time fits the schedule, as the 31st of February. */
  readonly neverComes: boolean;
}

interface Missed {
  /** The newest time of the schedule that has come. */
  readonly recentMs?: number;
  readonly many: boolean;
  readonly never: boolean;
}

/** What is due, looking back to the last start, or to the deadline when that is later (pkg/controller/cronjob, mostRecentScheduleTime). */
export function dueTime(cronJob: V1CronJob, schedule: CronSchedule, zone: ZoneClock, nowMs: number): Due {
  const { metadata, spec, status } = cronJob;
  const begin = status?.lastScheduleTime ?? metadata?.creationTimestamp;
  const beginMs = begin ? Date.parse(String(begin)) : nowMs;
  const deadlineSeconds = spec?.startingDeadlineSeconds;
  const fromMs = deadlineSeconds === undefined ? beginMs : Math.max(beginMs, nowMs - deadlineSeconds * 1000);
  const due = missedSince(schedule, zone, fromMs, nowMs);
  // Intervals go on from the last start: counted from now, each look would put the next one off.
  const last = fromMs === beginMs ? due : missedSince(schedule, zone, beginMs, nowMs);
  const nextMs = nextTime(schedule, zone, last.recentMs ?? Math.min(beginMs, nowMs));
  return {
    missedMany: due.many,
    neverComes: due.never,
    ...(due.recentMs !== undefined && { scheduledMs: due.recentMs }),
    ...(nextMs !== undefined && { nextMs }),
  };
}

function missedSince(schedule: CronSchedule, zone: ZoneClock, fromMs: number, nowMs: number): Missed {
  const first = nextTime(schedule, zone, fromMs);
  if (first === undefined) return { many: false, never: true };
  if (first > nowMs) return { many: false, never: false };
  const second = nextTime(schedule, zone, first);
  if (second === undefined) return { many: false, never: true };
  if (second > nowMs) return { recentMs: first, many: false, never: false };
  // Counting all of years of minutes would take for ever: the distance of the first two says how many there are about.
  const about = Math.floor((nowMs - first) / (second - first));
  const many = about + 1 > MANY_MISSED;
  if ('everyMs' in schedule) return { recentMs: first + about * schedule.everyMs, many, never: false };
  let recentMs = about > 1000 ? startNear(schedule, zone, nowMs, second - first) : second;
  for (
    let next = nextTime(schedule, zone, recentMs);
    next !== undefined && next <= nowMs;
    next = nextTime(schedule, zone, recentMs)
  )
    recentMs = next;
  return { recentMs, many, never: false };
}

/** A time of the schedule not long ago: distances grow until one is found. */
function startNear(schedule: CronSchedule, zone: ZoneClock, nowMs: number, stepMs: number): number {
  for (let backMs = stepMs * 2; ; backMs *= 2) {
    const found = nextTime(schedule, zone, nowMs - backMs);
    if (found !== undefined && found <= nowMs) return found;
  }
}

/** Ended jobs beyond the history that is to be kept, oldest first. */
export function surplusJobs({ spec }: V1CronJob, jobs: readonly V1Job[]): V1Job[] {
  const startedMs = ({ status, metadata }: V1Job) =>
    Date.parse(String(status?.startTime ?? metadata?.creationTimestamp ?? '')) || 0;
  const ended = (type: 'Complete' | 'Failed', limit: number | undefined) => {
    if (limit === undefined) return [];
    const found = jobs.filter((job) => conditionIn(job, type)).sort((a, b) => startedMs(a) - startedMs(b));
    return found.slice(0, Math.max(0, found.length - limit));
  };
  return [...ended('Complete', spec?.successfulJobsHistoryLimit), ...ended('Failed', spec?.failedJobsHistoryLimit)];
}

export const isRunning = (job: V1Job): boolean => !isFinished(job);
