/** What a schedule says, and whether a text is one, in the words of the library that upstream parses schedules with (robfig/cron, ParseStandard). */
import { CodedError } from '../../../std/coded-error.ts';
import { parseGoDuration } from '../../../std/go-duration.ts';

interface Field {
  readonly min: number;
  readonly max: number;
  readonly names?: Readonly<Record<string, number>>;
}

const numbered = (names: string, first: number) =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, i + first])) as Readonly<Record<string, number>>;

/** Minute, hour, day of the month, month, day of the week. */
const FIELDS: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: numbered('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  { min: 0, max: 6, names: numbered('sun mon tue wed thu fri sat', 0) },
];

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** The values of one field that a time may have. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** Written as `*` or `?`: of days of the month and of the week, the one that is not decides. */
  readonly any: boolean;
}

export type CronSchedule =
  | { readonly everyMs: number; readonly zone?: string }
  | {
      /** Minute, hour, day of the month, month (1 to 12), day of the week (0 is Sunday). */
      readonly fields: readonly [CronField, CronField, CronField, CronField, CronField];
      /** As the text itself names it (`TZ=`). */
      readonly zone?: string;
    };

const bad = (message: string) => new CodedError(message, { code: 'CRON_SCHEDULE_INVALID' });

/** Throws CRON_SCHEDULE_INVALID. `knowsZone` says whether a time zone exists. */
export function checkSchedule(schedule: string, knowsZone: (name: string) => boolean): void {
  parseSchedule(schedule, knowsZone);
}

/** Reads a schedule. Throws CRON_SCHEDULE_INVALID. */
export function parseSchedule(schedule: string, knowsZone: (name: string) => boolean): CronSchedule {
  if (schedule === '') throw bad('empty spec string');
  const { rest, zone } = splitZone(schedule, knowsZone);
  if (rest.startsWith('@every ')) return { everyMs: parseInterval(rest), ...(zone && { zone }) };
  const text = rest.startsWith('@') ? DESCRIPTORS[rest] : rest;
  if (text === undefined || (rest.startsWith('@') && !Object.hasOwn(DESCRIPTORS, rest)))
    throw bad(`unrecognized descriptor: ${rest}`);
  const parts = text.split(/\s+/).filter(Boolean);
  if (parts.length !== FIELDS.length)
    throw bad(`expected exactly ${FIELDS.length} fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minute, hour, day, month, weekday] = parts.map((part, i) => parseField(part, FIELDS[i]!));
  return { fields: [minute!, hour!, day!, month!, weekday!], ...(zone && { zone }) };
}

function splitZone(schedule: string, knowsZone: (name: string) => boolean): { rest: string; zone?: string } {
  const [prefix, , zone] = /^(CRON_)?TZ=([^ ]*)/.exec(schedule) ?? [];
  if (prefix === undefined) return { rest: schedule };
  if (!knowsZone(zone!)) throw bad(`provided bad location ${zone}: unknown time zone ${zone}`);
  return { rest: schedule.slice(prefix.length).trim(), zone };
}

/** At least a second, and whole ones, as the library has it. */
function parseInterval(descriptor: string): number {
  try {
    return Math.max(1000, Math.floor(parseGoDuration(descriptor.slice('@every '.length)) / 1000) * 1000);
  } catch (error) {
    throw bad(`failed to parse duration ${descriptor}: ${(error as Error).message}`);
  }
}

/** `1,3-5,8-20/4`: ranges with commas between them. */
function parseField(text: string, field: Field): CronField {
  const values = new Set<number>();
  let any = false;
  for (const range of text.split(',')) {
    if (range === '') continue;
    const { start, end, every, star } = parseRange(range, field);
    any ||= star && every === 1;
    // Nothing can be added to all there are.
    if (values.size <= field.max - field.min) for (let value = start; value <= end; value += every) values.add(value);
  }
  return { values, any };
}

function parseRange(text: string, { min, max, names }: Field): { start: number; end: number; every: number; star: boolean } {
  const [range = '', step, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreLimits] = range.split('-');
  const star = low === '*' || low === '?';
  let start: number;
  let end: number;
  if (star) [start, end] = [min, max];
  else {
    start = parseLimit(low, names);
    if (moreLimits.length) throw bad(`too many hyphens: ${text}`);
    end = high === undefined ? start : parseLimit(high, names);
  }
  if (moreSteps.length) throw bad(`too many slashes: ${text}`);
  const every = step === undefined ? 1 : parseCount(step);
  // `5/15` is `5-59/15`.
  if (step !== undefined && high === undefined) end = max;
  if (start < min) throw bad(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw bad(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw bad(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (every === 0) throw bad(`step of range should be a positive number: ${text}`);
  return { start, end, every, star };
}

function parseLimit(text: string, names: Field['names']): number {
  const name = text.toLowerCase();
  return names && Object.hasOwn(names, name) ? names[name]! : parseCount(text);
}

function parseCount(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw bad(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const number = Number(text);
  if (number < 0) throw bad(`negative number (${number}) not allowed: ${text}`);
  if (number > Number.MAX_SAFE_INTEGER)
    throw bad(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`);
  return number;
}
