/** Durations and timestamps as texts: Go's duration syntax, RFC 3339. */
import { readTime } from '../machinery/time-text.ts';
import { Duration, ErrorValue, Timestamp } from './values.ts';

const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const DURATION_LIMIT = 2n ** 63n;
const SECOND = 1_000_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z. */
const FIRST = -62_135_596_800n * SECOND;
const LAST = 253_402_300_800n * SECOND - 1n;

/** Exact, unlike the milliseconds of machinery/duration.ts. undefined for what is no duration. */
export function parseCelDuration(text: string): Duration | undefined {
  const signed = /^([+-]?)(.*)$/s.exec(text)!;
  const body = signed[2]!;
  if (body === '0') return new Duration(0n);
  if (body.length > 200 || !/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = UNIT_NANOS[unit!]!;
    nanos += BigInt(whole || '0') * size;
    if (fraction) nanos += (BigInt(fraction.slice(0, 20)) * size) / 10n ** BigInt(Math.min(20, fraction.length));
  }
  const value = signed[1] === '-' ? -nanos : nanos;
  return value >= DURATION_LIMIT || value < -DURATION_LIMIT ? undefined : new Duration(value);
}

/** `3600s`, `1.5s`. */
export function formatCelDuration({ nanos }: Duration): string {
  return `${decimalSeconds(nanos)}s`;
}

function decimalSeconds(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / SECOND}${fraction ? `.${fraction}` : ''}`;
}

/** undefined for what is no time of RFC 3339. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const parts = readTime(text);
  if (!parts) return undefined;
  const { seconds, fraction, offsetSeconds } = parts;
  const made = timestampOrError(BigInt(seconds) * SECOND + BigInt(fraction.slice(0, 9).padEnd(9, '0')), offsetSeconds);
  return made instanceof Timestamp ? made : undefined;
}

/** RFC 3339 by the clock that it was read from, with as much fraction as there is. */
export function formatTimestamp({ nanos, offsetSeconds }: Timestamp): string {
  const seconds = nanos >= 0n ? nanos / SECOND : -((-nanos + SECOND - 1n) / SECOND);
  const fraction = String(nanos - seconds * SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const iso = new Date((Number(seconds) + offsetSeconds) * 1000).toISOString();
  return `${iso.slice(0, iso.lastIndexOf('.'))}${fraction ? `.${fraction}` : ''}${formatOffset(offsetSeconds)}`;
}

function formatOffset(offsetSeconds: number): string {
  if (offsetSeconds === 0) return 'Z';
  const minutes = Math.abs(offsetSeconds) / 60;
  const digits = (value: number) => String(value).padStart(2, '0');
  return `${offsetSeconds < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}`;
}

export const timestampOrError = (nanos: bigint, offsetSeconds = 0): Timestamp | ErrorValue =>
  nanos < FIRST || nanos > LAST ? new ErrorValue('timestamp overflow') : new Timestamp(nanos, offsetSeconds);

export const durationOrError = (nanos: bigint): Duration | ErrorValue =>
  nanos >= DURATION_LIMIT || nanos < -DURATION_LIMIT ? new ErrorValue('duration overflow') : new Duration(nanos);

export type DatePart = 'year' | 'month' | 'day' | 'weekday' | 'hour' | 'minute' | 'second' | 'milli' | 'yearDay';

/** A part of a time where `zone` is the clock: a name of the time zone database or an offset `-08:00`. Throws RangeError for no zone. */
export function datePart({ nanos }: Timestamp, part: DatePart, zone: string): bigint {
  const ms = Number((nanos - (((nanos % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);
  const local = new Date(ms + offsetMs(ms, zone));
  switch (part) {
    case 'year':
      return BigInt(local.getUTCFullYear());
    case 'month':
      return BigInt(local.getUTCMonth());
    case 'day':
      return BigInt(local.getUTCDate());
    case 'weekday':
      return BigInt(local.getUTCDay());
    case 'hour':
      return BigInt(local.getUTCHours());
    case 'minute':
      return BigInt(local.getUTCMinutes());
    case 'second':
      return BigInt(local.getUTCSeconds());
    case 'milli':
      return BigInt(local.getUTCMilliseconds());
    case 'yearDay': {
      const start = new Date(local);
      start.setUTCMonth(0, 1);
      return BigInt(Math.round((local.getTime() - start.getTime()) / 86_400_000));
    }
  }
}

function offsetMs(ms: number, zone: string): number {
  if (zone === 'UTC' || zone === '') return 0;
  const numeric = /^([+-]?)(\d{2}):(\d{2})$/.exec(zone);
  if (numeric) return (numeric[1] === '-' ? -1 : 1) * (Number(numeric[2]) * 60 + Number(numeric[3])) * 60_000;
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(ms);
  const value = (type: string) => Number(parts.find((part) => part.type === type)!.value);
  const shown = Date.UTC(value('year'), value('month') - 1, value('day'), value('hour'), value('minute'), value('second'));
  return shown - Math.floor(ms / 1000) * 1000;
}
