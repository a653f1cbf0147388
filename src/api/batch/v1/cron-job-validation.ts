/** Cron jobs (pkg/apis/batch/validation validateCronJobSpec). */

import { shownInOrder } from '../../core/v1/internal-form.ts';
import type { V1CronJob, V1CronJobSpec } from '../../gen/types.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkSchedule } from './cron-schedule.ts';
import { validateJobSpec } from './job-validation.ts';

const CONCURRENCY_POLICIES = ['Allow', 'Forbid', 'Replace'];
/** Eleven characters are added to make a job's name. */
const LONGEST_NAME = 52;

export function validateCronJob(object: DynamicObject, _context?: unknown, existing?: DynamicObject): FieldError[] {
  const { metadata, spec } = object as unknown as V1CronJob;
  if (!spec) return [];
  const errors: FieldError[] = [];
  const before = (existing as unknown as V1CronJob | undefined)?.spec;
  checkTimetable(spec, before, errors);
  addErrors(errors, checkNotNegative('spec.startingDeadlineSeconds', spec.startingDeadlineSeconds));
  if (spec.timeZone !== undefined && spec.timeZone !== before?.timeZone) checkTimeZone(spec.timeZone, errors);
  if (!spec.concurrencyPolicy) errors.push(requiredField('spec.concurrencyPolicy'));
  else if (!CONCURRENCY_POLICIES.includes(spec.concurrencyPolicy))
    errors.push(notSupportedField('spec.concurrencyPolicy', spec.concurrencyPolicy, CONCURRENCY_POLICIES));
  checkJobTemplate(spec, before, errors);
  addErrors(errors, checkNotNegative('spec.successfulJobsHistoryLimit', spec.successfulJobsHistoryLimit));
  addErrors(errors, checkNotNegative('spec.failedJobsHistoryLimit', spec.failedJobsHistoryLimit));
  if (!existing && (metadata?.name?.length ?? 0) > LONGEST_NAME)
    errors.push(invalidField('metadata.name', metadata?.name, `must be no more than ${LONGEST_NAME} characters`));
  return errors;
}

/** Zones in schedules are let stay where they were before there was a field for them. */
function checkTimetable({ schedule, timeZone }: V1CronJobSpec, before: V1CronJobSpec | undefined, errors: FieldError[]): void {
  const field = 'spec.schedule';
  if (!schedule) return void errors.push(requiredField(field));
  try {
    checkSchedule(schedule, isZone);
  } catch (error) {
    errors.push(invalidField(field, schedule, (error as Error).message));
  }
  if (!schedule.includes('TZ')) return;
  if (!before?.schedule.includes('TZ'))
    errors.push(invalidField(field, schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  else if (timeZone !== undefined)
    errors.push(invalidField(field, schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule'));
}

function checkJobTemplate({ jobTemplate }: V1CronJobSpec, before: V1CronJobSpec | undefined, errors: FieldError[]): void {
  const { spec } = jobTemplate;
  const path = 'spec.jobTemplate.spec';
  validateJobSpec(spec ?? { template: {} }, path, before?.jobTemplate.spec, errors);
  if (spec?.selector)
    errors.push(invalidField(`${path}.selector`, shownInOrder(spec.selector), '`selector` will be auto-generated'));
  if (spec?.manualSelector) errors.push(notSupportedField(`${path}.manualSelector`, true, ['nil', 'false']));
}

/** One part of a name of the IANA's (data.iana.org/time-zones/theory.html); digits and plus signs are in old ones. */
const ZONE_PART = /^[A-Za-z._0-9+-]{1,14}$/;

/** An empty name is UTC to Go. */
export function isZone(name: string): boolean {
  if (name === '' || name === 'UTC' || name === 'Local') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return !/^[+-]\d/.test(name);
  } catch {
    return false;
  }
}

function checkTimeZone(name: string, errors: FieldError[]): void {
  const complain = (detail: string) => errors.push(invalidField('spec.timeZone', name, detail));
  if (name === '') return void complain('timeZone must be nil or non-empty string');
  if (name.split('/').some((part) => part === '.' || part === '..' || part.startsWith('-') || !ZONE_PART.test(part)))
    return void complain(`unknown time zone ${name}`);
  if (name.toLowerCase() === 'local')
    complain('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  if (!isZone(name)) complain(`unknown time zone ${name}`);
}
