/**
 * What may be said of a job (pkg/apis/batch/validation validateJobStatus, ValidateJobStatusUpdate). Others than the job controller may
 * look after jobs, so that clients are protected from what makes no sense; only what a write changes is looked at.
 */

import { shownForm } from '../../core/v1/internal-form.ts';
import type { V1Job, V1JobStatus } from '../../gen/types.ts';
import { checkNotNegative, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, duplicateField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { parseIndexes, sharedIndex } from './index-ranges.ts';

type Condition = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet';

const isTrue = ({ status }: V1Job, type: Condition) =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
const isFinished = (job: V1Job) => isTrue(job, 'Complete') || isTrue(job, 'Failed');

const badConditions = (detail: string): FieldError => ({
  field: 'status.conditions',
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${detail}`,
});

export function validateJobStatusUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [job, before] = [updated as V1Job, existing as V1Job];
  const [status, old] = [job.status ?? {}, before.status ?? {}];
  const errors: FieldError[] = [];
  const changed: Changed = (...what) =>
    what.some((one) =>
      one === 'Finished'
        ? isFinished(job) !== isFinished(before)
        : one in CONDITIONS
          ? isTrue(job, one as Condition) !== isTrue(before, one as Condition)
          : !sameMeaning(status[one as keyof V1JobStatus], old[one as keyof V1JobStatus]),
    );
  checkCounts(status, errors);
  checkConditions(job, changed, errors);
  checkTimes(job, changed, errors);
  checkFinished(job, changed, errors);
  checkIndexes(job, changed, errors);
  if (changed('ready', 'active') && status.ready !== undefined && status.ready > (status.active ?? 0))
    errors.push(invalidField('status.ready', status.ready, 'cannot set more ready pods than active'));
  checkProgress(job, before, errors);
  return errors;
}

const CONDITIONS: Readonly<Record<Condition, true>> = {
  Complete: true,
  Failed: true,
  FailureTarget: true,
  SuccessCriteriaMet: true,
};

type Changed = (...what: (Condition | 'Finished' | keyof V1JobStatus)[]) => boolean;

function checkCounts(status: V1JobStatus, errors: FieldError[]): void {
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    addErrors(errors, checkNotNegative(`status.${field}`, status[field]));
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const)
    status.uncountedTerminatedPods?.[list]?.forEach((uid, i) => {
      const field = `status.uncountedTerminatedPods.${list}[${i}]`;
      if (uid === '') errors.push(invalidField(field, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicateField(field, uid));
      seen.add(uid);
    });
}

function checkConditions(job: V1Job, changed: Changed, errors: FieldError[]): void {
  const [complete, failed] = [isTrue(job, 'Complete'), isTrue(job, 'Failed')];
  const [failureTarget, met] = [isTrue(job, 'FailureTarget'), isTrue(job, 'SuccessCriteriaMet')];
  if (complete && failed && changed('Complete', 'Failed'))
    errors.push(badConditions('cannot set Complete=True and Failed=true conditions'));
  if (complete && failureTarget && changed('Complete', 'FailureTarget'))
    errors.push(badConditions('cannot set Complete=True and FailureTarget=true conditions'));
  if (failed && !failureTarget && changed('Failed', 'failedIndexes'))
    errors.push(badConditions('cannot set Failed=True condition without the FailureTarget=true condition'));
  if (complete && !met && changed('Complete', 'SuccessCriteriaMet'))
    errors.push(badConditions('cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
  if (met && failed) errors.push(badConditions('cannot set SuccessCriteriaMet=True and Failed=true conditions'));
  if (met && failureTarget) errors.push(badConditions('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'));
}

function checkTimes(job: V1Job, changed: Changed, errors: FieldError[]): void {
  const { completionTime, startTime } = job.status ?? {};
  const complete = isTrue(job, 'Complete');
  if (changed('Complete', 'completionTime')) {
    if (completionTime !== undefined && !complete)
      errors.push(
        invalidField(
          'status.completionTime',
          completionTime,
          'cannot set completionTime when there is no Complete=True condition',
        ),
      );
    if (completionTime === undefined && complete)
      errors.push(requiredField('status.completionTime', 'completionTime is required for Complete jobs'));
  }
  if (changed('startTime', 'completionTime') && startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime))
    errors.push(invalidField('status.completionTime', completionTime, 'completionTime cannot be set before startTime'));
}

function checkFinished(job: V1Job, changed: Changed, errors: FieldError[]): void {
  if (!isFinished(job)) return;
  const { active = 0, startTime, uncountedTerminatedPods: uncounted, terminating } = job.status ?? {};
  if (active > 0 && changed('Finished', 'active'))
    errors.push(invalidField('status.active', active, 'active>0 is invalid for finished job'));
  if (startTime === undefined && changed('Finished', 'startTime'))
    errors.push(requiredField('status.startTime', 'startTime is required for finished job'));
  if (changed('Finished', 'uncountedTerminatedPods') && (uncounted?.failed?.length || uncounted?.succeeded?.length))
    errors.push(
      invalidField(
        'status.uncountedTerminatedPods',
        shownForm('UncountedTerminatedPods', uncounted),
        'uncountedTerminatedPods needs to be empty for finished job',
      ),
    );
  if ((terminating ?? 0) > 0 && changed('Finished', 'terminating'))
    errors.push(invalidField('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
}

function checkIndexes({ spec, status }: V1Job, changed: Changed, errors: FieldError[]): void {
  const { completedIndexes = '', failedIndexes } = status ?? {};
  const { completions, backoffLimitPerIndex, completionMode } = spec ?? {};
  const parse = (text: string) => parseIndexes(text, completions ?? 0);
  const completed = parse(completedIndexes);
  const failed = parse(failedIndexes ?? '');
  if (changed('completedIndexes')) {
    if (completions !== undefined && 'error' in completed)
      errors.push(
        invalidField('status.completedIndexes', completedIndexes, `error parsing completedIndexes: ${completed.error}`),
      );
    if (completedIndexes && completionMode !== 'Indexed')
      errors.push(
        invalidField(
          'status.completedIndexes',
          completedIndexes,
          'cannot set non-empty completedIndexes when non-indexed completion mode',
        ),
      );
  }
  if (failedIndexes === undefined) return;
  const complain = (detail: string) => errors.push(invalidField('status.failedIndexes', failedIndexes, detail));
  if (changed('failedIndexes')) {
    if (completions !== undefined && backoffLimitPerIndex !== undefined && 'error' in failed)
      complain(`error parsing failedIndexes: ${failed.error}`);
    if (backoffLimitPerIndex === undefined) complain('cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  if (completions === undefined || !changed('failedIndexes', 'completedIndexes')) return;
  if ('error' in completed || 'error' in failed) return;
  const shared = sharedIndex(completed.ranges, failed.ranges);
  if (shared !== undefined) complain(`failedIndexes and completedIndexes overlap at index: ${shared}`);
}

/** What has been reached is not taken back. */
function checkProgress(job: V1Job, before: V1Job, errors: FieldError[]): void {
  const [status, old] = [job.status ?? {}, before.status ?? {}];
  for (const type of ['Failed', 'Complete', 'FailureTarget'] as const)
    if (isTrue(before, type) && !isTrue(job, type))
      errors.push(badConditions(`cannot disable the terminal ${type}=True condition`));
  if ((status.failed ?? 0) < (old.failed ?? 0))
    errors.push(invalidField('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  const { completionMode, completions, parallelism, suspend } = job.spec ?? {};
  const mayShrink = completionMode === 'Indexed' && completions === parallelism;
  if (!mayShrink && (status.succeeded ?? 0) < (old.succeeded ?? 0))
    errors.push(invalidField('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  if (status.completionTime && old.completionTime && status.completionTime !== old.completionTime)
    errors.push(invalidField('status.completionTime', status.completionTime, 'completionTime cannot be mutated'));
  if (old.startTime && status.startTime !== old.startTime && !suspend)
    errors.push(invalidField('status.startTime', status.startTime ?? null, 'field is immutable for unsuspended job once set'));
  if (isTrue(before, 'SuccessCriteriaMet') && !isTrue(job, 'SuccessCriteriaMet'))
    errors.push(badConditions('cannot disable the SuccessCriteriaMet=True condition'));
  if (isTrue(before, 'Complete') && !isTrue(before, 'SuccessCriteriaMet') && isTrue(job, 'SuccessCriteriaMet'))
    errors.push(badConditions('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'));
}
