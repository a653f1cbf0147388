import { validatePodTemplate } from '../../core/v1/pod-validation.ts';
import type { V1CronJob, V1Job, V1JobSpec } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { IMMUTABLE, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const COUNTS = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'] as const;
const CONCURRENCY_POLICIES = ['Allow', 'Forbid', 'Replace'];
/** Eleven characters are added to make a job's name. */
const LONGEST_CRON_JOB_NAME = 52;

function validateJobSpec(spec: V1JobSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of COUNTS)
    if ((spec[field] ?? 0) < 0) errors.push(invalidField(`${path}.${field}`, spec[field], 'must be greater than or equal to 0'));
  const { restartPolicy } = spec.template.spec ?? {};
  if (restartPolicy !== 'OnFailure' && restartPolicy !== 'Never')
    errors.push(requiredField(`${path}.template.spec.restartPolicy`, 'valid values: "OnFailure", "Never"'));
  errors.push(...validatePodTemplate(spec.template, `${path}.template`, ['Always', 'OnFailure', 'Never']));
  return errors;
}

export function validateJob(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Job;
  return spec ? validateJobSpec(spec, 'spec') : [requiredField('spec')];
}

/** What a job does is fixed when it is made. */
export function validateJobUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1Job).spec, (existing as V1Job).spec];
  // While a job is suspended, its pods may still be moved to other nodes; that is decided with the job controller.
  const fixed = ['selector', 'template', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex'] as const;
  return fixed
    .filter((field) => !equalJson(after?.[field], before?.[field]))
    .map((field) => invalidField(`spec.${field}`, after?.[field], IMMUTABLE));
}

export function validateCronJob(object: DynamicObject): FieldError[] {
  const { metadata, spec } = object as unknown as V1CronJob;
  const errors: FieldError[] = [];
  if ((metadata?.name?.length ?? 0) > LONGEST_CRON_JOB_NAME)
    errors.push(invalidField('metadata.name', metadata?.name, `must be no more than ${LONGEST_CRON_JOB_NAME} characters`));
  if (!spec) return [...errors, requiredField('spec')];
  if (!spec.schedule) errors.push(requiredField('spec.schedule'));
  if (spec.schedule.includes('TZ'))
    errors.push(invalidField('spec.schedule', spec.schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead'));
  if (!CONCURRENCY_POLICIES.includes(spec.concurrencyPolicy ?? ''))
    errors.push(notSupportedField('spec.concurrencyPolicy', spec.concurrencyPolicy ?? '', CONCURRENCY_POLICIES));
  if (spec.jobTemplate.spec) errors.push(...validateJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec'));
  return errors;
}
