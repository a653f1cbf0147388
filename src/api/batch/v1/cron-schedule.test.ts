import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../../../std/coded-error.ts';
import { checkSchedule } from './cron-schedule.ts';

const complaint = (schedule: string) => {
  try {
    checkSchedule(schedule, (zone) => zone === 'UTC');
    return undefined;
  } catch (error) {
    assert.ok(error instanceof CodedError, String(error));
    return error.message;
  }
};

test('schedules that people write are schedules', () => {
  for (const schedule of [
    '* * * * *',
    '*/5 0-6,22 1,15 jan-MAR mon-fri',
    '0 0 ? * SUN',
    '5/15 * * * *',
    '@hourly',
    '@every 1h30m',
    'TZ=UTC 0 0 * * *',
    'CRON_TZ=UTC @daily',
  ])
    assert.equal(complaint(schedule), undefined, schedule);
});

test('what is no schedule is refused in the words of upstream’s parser', () => {
  const cases: [string, string][] = [
    ['', 'empty spec string'],
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['* * * * 7', 'end of range (7) above maximum (6): 7'],
    ['9-3 * * * *', 'beginning of range (9) beyond end of range (3): 9-3'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
    ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ['@now', 'unrecognized descriptor: @now'],
    ['TZ=Mars 0 0 * * *', 'provided bad location Mars: unknown time zone Mars'],
  ];
  for (const [schedule, message] of cases) assert.equal(complaint(schedule), message, schedule);
});

test('five fields within their bounds are a schedule, whatever they are', () => {
  const bounds = [
    [0, 59],
    [0, 23],
    [1, 31],
    [1, 12],
    [0, 6],
  ] as const;
  const field = ([min, max]: readonly [number, number]) =>
    fc.oneof(
      fc.constant('*'),
      fc
        .tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min: 1, max: 99 }))
        .map(([a, b, step]) => `${Math.min(a, b)}-${Math.max(a, b)}/${step}`),
      fc.array(fc.integer({ min, max }), { minLength: 1, maxLength: 4 }).map((list) => list.join(',')),
    );
  const schedule = fc.tuple(...bounds.map(field)).map((fields) => fields.join(' '));
  fc.assert(fc.property(schedule, (text) => complaint(text) === undefined));
});

test('any text is a schedule or is refused with a reason', () => {
  const alphabet = fc.constantFrom(...'0123456789*/,-? @TZ=every', 'mon', 'jan', '\u0000', 'é');
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 30 }), (parts) => {
      assert.notEqual(complaint(parts.join('')), '');
    }),
  );
});
