/** Reading and writing the API's times. */

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
/** As Go reads RFC 3339: an hour may have one digit, a fraction may come after a comma, an offset may be as long as 24:60. */
const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const MICRO = /[.,]\d{6}(?:Z|[+-]\d\d:\d\d)$/;

/** In UTC and whole seconds (later fractions are cut off), or undefined when the text is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  const time = read(text);
  if (!time) return undefined;
  return CANONICAL.test(text) ? text : `${time.toISOString().slice(0, 19)}Z`;
}

/** The same with six digits of fraction, as MicroTime: clients must send all of them. */
export function canonicalMicroTime(text: string): string | undefined {
  const time = MICRO.test(text) ? read(text) : undefined;
  return time && `${time.toISOString().slice(0, 19)}.${/[.,](\d{6})/.exec(text)![1]}Z`;
}

/** Milliseconds since 1970 in UTC, further digits cut off; undefined for what is no time. */
export function timeMs(text: string): number | undefined {
  const parts = readTime(text);
  return parts && parts.seconds * 1000 + Number(parts.fraction.slice(0, 3).padEnd(3, '0'));
}

/** Undefined also for years that have no four digits in UTC. */
function read(text: string): Date | undefined {
  const parts = readTime(text);
  const time = parts && new Date(parts.seconds * 1000);
  return time && /^\d{4}-/.test(time.toISOString()) ? time : undefined;
}

export interface TimeParts {
  /** Since 1970 in UTC. */
  readonly seconds: number;
  /** All digits that were given. */
  readonly fraction: string;
  /** Of the clock that it was read from. */
  readonly offsetSeconds: number;
}

/** As Go's time.Parse(time.RFC3339); undefined for what is no time, or no day of its month. */
export function readTime(text: string): TimeParts | undefined {
  const parts = RFC3339.exec(text);
  if (!parts) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [offsetHours, offsetMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 24 || offsetMinutes > 60) return undefined;
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  if (month < 1 || month > 12 || time.getUTCDate() !== day) return undefined;
  const offsetSeconds = (offsetHours * 3600 + offsetMinutes * 60) * (parts[8] === '-' ? -1 : 1);
  const seconds = time.getTime() / 1000 + hour * 3600 + minute * 60 + second - offsetSeconds;
  return { seconds, fraction: parts[7] ?? '', offsetSeconds };
}
