import type { CronSchedule } from '../../api/batch/v1/cron-schedule.ts';
import { formatTime } from '../../api/machinery/object.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A schedule like 30 February never comes; the library that upstream uses gives up as late. */
const YEARS = 5;

/** Wall clock time of a zone. */
interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

/** Tells the wall clock time of a time zone. Making one is slow, so it is kept while a schedule is worked on. */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;

  /** @param zone IANA name; undefined: this machine's. Throws RangeError for a zone that there is not. */
  constructor(zone: string | undefined) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(zone && { timeZone: zone }),
      calendar: 'gregory',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  wallTime(ms: number): WallTime {
    const parts = Object.fromEntries(this.#format.formatToParts(ms).map(({ type, value }) => [type, Number(value)]));
    return {
      year: parts['year']!,
      month: parts['month']!,
      day: parts['day']!,
      hour: parts['hour']!,
      minute: parts['minute']!,
    };
  }

  /** The beginning of a day; where the clock skips midnight, the first moment of the day. */
  startOfDay(year: number, month: number, day: number): number {
    const asUtc = Date.UTC(year, month - 1, day);
    let ms = asUtc;
    for (let i = 0; i < 3; i++) ms += asUtc - this.#asUtc(ms);
    const { day: found } = this.wallTime(ms);
    // A gap at midnight leads to the day before: its next hour is the day's first.
    return found === new Date(asUtc).getUTCDate() ? ms : ms + HOUR_MS;
  }

  /** A time as RFC 3339 writes it in this zone. */
  format(ms: number): string {
    const offsetMinutes = Math.round((this.#asUtc(ms) - Math.floor(ms / 1000) * 1000) / MINUTE_MS);
    if (offsetMinutes === 0) return formatTime(ms);
    const two = (value: number) => String(value).padStart(2, '0');
    const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
    return `${formatTime(ms + offsetMinutes * MINUTE_MS).slice(0, -1)}${offsetMinutes < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`;
  }

  #asUtc(ms: number): number {
    const { year, month, day, hour, minute } = this.wallTime(ms);
    return Date.UTC(year, month - 1, day, hour, minute, Math.floor(ms / 1000) % 60);
  }
}

/** The first time of a schedule after `afterMs`; undefined when there is none for years. Milliseconds since the epoch. */
export function nextTime(schedule: CronSchedule, zone: ZoneClock, afterMs: number): number | undefined {
  if ('everyMs' in schedule) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs;
  const [minutes, hours, days, months, weekdays] = schedule.fields;
  let ms = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const lastYear = zone.wallTime(ms).year + YEARS;
  for (;;) {
    const wall = zone.wallTime(ms);
    if (wall.year > lastYear) return undefined;
    if (!months.values.has(wall.month)) {
      ms = wall.month === 12 ? zone.startOfDay(wall.year + 1, 1, 1) : zone.startOfDay(wall.year, wall.month + 1, 1);
      continue;
    }
    const weekday = new Date(Date.UTC(wall.year, wall.month - 1, wall.day)).getUTCDay();
    const isDay = days.values.has(wall.day);
    const isWeekday = weekdays.values.has(weekday);
    // When both are given, either will do.
    if (!(days.any || weekdays.any ? isDay && isWeekday : isDay || isWeekday)) {
      ms = zone.startOfDay(wall.year, wall.month, wall.day + 1);
      continue;
    }
    if (!hours.values.has(wall.hour)) {
      ms += HOUR_MS - wall.minute * MINUTE_MS;
      continue;
    }
    if (minutes.values.has(wall.minute)) return ms;
    ms += MINUTE_MS;
  }
}
