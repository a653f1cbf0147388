/** Parts of timestamps and durations: `t.getFullYear('Europe/Berlin')`, `d.getSeconds()`. */
import { declare, type FunctionDeclaration, member, type Overload } from '../declarations.ts';
import { type DatePart, datePart } from '../time-values.ts';
import { DURATION, INT, STRING, TIMESTAMP } from '../types.ts';
import { type Duration, ErrorValue, type Timestamp, type Value } from '../values.ts';

function inZone(time: Timestamp, part: DatePart, zone: string, add: bigint): Value {
  try {
    return datePart(time, part, zone) + add;
  } catch (error) {
    if (error instanceof RangeError) return new ErrorValue(`unknown time zone ${zone}`);
    throw error;
  }
}

function ofTimestamp(id: string, part: DatePart, add = 0n): Overload[] {
  return [
    member(`timestamp_to_${id}`, [TIMESTAMP], INT, (time: Timestamp) => inZone(time, part, 'UTC', add)),
    member(`timestamp_to_${id}_with_tz`, [TIMESTAMP, STRING], INT, (time: Timestamp, zone: string) =>
      inZone(time, part, zone, add),
    ),
  ];
}

/** The whole duration in a unit, of milliseconds too. */
const ofDuration = (id: string, nanos: bigint) =>
  member(`duration_to_${id}`, [DURATION], INT, (value: Duration) => value.nanos / nanos);

export const timeFunctions: readonly FunctionDeclaration[] = [
  declare('getFullYear', ...ofTimestamp('year', 'year')),
  declare('getMonth', ...ofTimestamp('month', 'month')),
  declare('getDayOfYear', ...ofTimestamp('day_of_year', 'yearDay')),
  declare('getDayOfMonth', ...ofTimestamp('day_of_month', 'day', -1n)),
  declare('getDate', ...ofTimestamp('day_of_month_1_based', 'day')),
  declare('getDayOfWeek', ...ofTimestamp('day_of_week', 'weekday')),
  declare('getHours', ...ofTimestamp('hours', 'hour'), ofDuration('hours', 3_600_000_000_000n)),
  declare('getMinutes', ...ofTimestamp('minutes', 'minute'), ofDuration('minutes', 60_000_000_000n)),
  declare('getSeconds', ...ofTimestamp('seconds', 'second'), ofDuration('seconds', 1_000_000_000n)),
  declare('getMilliseconds', ...ofTimestamp('milliseconds', 'milli'), ofDuration('milliseconds', 1_000_000n)),
];
