/** Whether a text is a schedule, in the words of the library that upstream parses schedules with (robfig/cron, ParseStandard). */
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

const DESCRIPTORS: ReadonlySet<string> = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
]);

const bad = (message: string) => new CodedError(message, { code: 'CRON_SCHEDULE_INVALID' });

/** Throws CRON_SCHEDULE_INVALID. `knowsZone` says whether a time zone exists. */
export function checkSchedule(schedule: string, knowsZone: (name: string) => boolean): void {
  if (schedule === '') throw bad('empty spec string');
  const rest = withoutZone(schedule, knowsZone);
  if (rest.startsWith('@')) {
    checkDescriptor(rest);
    return;
  }
  const fields = rest.split(/\s+/).filter(Boolean);
  if (fields.length !== FIELDS.length)
    throw bad(`expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`);
  fields.forEach((field, i) => {
    checkField(field, FIELDS[i]!);
  });
}

function withoutZone(schedule: string, knowsZone: (name: string) => boolean): string {
  const [prefix, , zone] = /^(CRON_)?TZ=([^ ]*)/.exec(schedule) ?? [];
  if (prefix === undefined) return schedule;
  if (!knowsZone(zone!)) throw bad(`provided bad location ${zone}: unknown time zone ${zone}`);
  return schedule.slice(prefix.length).trim();
}

function checkDescriptor(descriptor: string): void {
  if (DESCRIPTORS.has(descriptor)) return;
  if (!descriptor.startsWith('@every ')) throw bad(`unrecognized descriptor: ${descriptor}`);
  try {
    parseGoDuration(descriptor.slice('@every '.length));
  } catch (error) {
    throw bad(`failed to parse duration ${descriptor}: ${(error as Error).message}`);
  }
}

/** `1,3-5,8-20/4`: ranges with commas between them. */
function checkField(text: string, field: Field): void {
  for (const range of text.split(',')) if (range !== '') checkRange(range, field);
}

function checkRange(text: string, { min, max, names }: Field): void {
  const [range = '', step, ...moreSteps] = text.split('/');
  const [low = '', high, ...moreLimits] = range.split('-');
  let start: number;
  let end: number;
  if (low === '*' || low === '?') [start, end] = [min, max];
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
