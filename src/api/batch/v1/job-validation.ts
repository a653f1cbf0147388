/** Jobs (pkg/apis/batch/validation ValidateJob, validateJobSpec). */

import { shownForm, shownInOrder } from '../../core/v1/internal-form.ts';
import { validatePodTemplate } from '../../core/v1/pod-template-validation.ts';
import type { V1Job, V1JobSpec } from '../../gen/types.ts';
import { checkDomainPrefixedPath } from '../../machinery/domain-names.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, notSupportedField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import { selectorFromLabelSelector, selectorFromLabels } from '../../machinery/label-selector.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { NAME_LABEL, OLD_NAME_LABEL, OLD_UID_LABEL, UID_LABEL } from './batch-defaults.ts';
import { validateFailurePolicy, validateSuccessPolicy } from './job-policy-validation.ts';

const MOST_INDEXED = 100_000;
/** Of indexed jobs with more completions than that, which count failures by index. */
const MOST_WITH_MANY = 10_000;
const LONGEST_MANAGER = 63;
const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

export function validateJob(object: DynamicObject, _context?: unknown, existing?: DynamicObject): FieldError[] {
  const { metadata, spec } = object as V1Job;
  if (!spec) return [];
  const errors: FieldError[] = [];
  const before = (existing as V1Job | undefined)?.spec;
  checkGeneratedSelector(object as V1Job, before, errors);
  validateJobSpec(spec, 'spec', before, errors);
  checkSelector(spec, errors);
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const hostname = `${metadata?.name}-${spec.completions! - 1}`;
    if (checkDnsLabel(hostname).length)
      errors.push(
        invalidField('metadata.name', metadata?.name, `will not able to create pod with invalid DNS label: ${hostname}`),
      );
  }
  return errors;
}

/** What the server puts into template and selector must be what is there, if somebody put something there before. */
function checkGeneratedSelector({ metadata, spec }: V1Job, before: V1JobSpec | undefined, errors: FieldError[]): void {
  if (!spec?.selector || spec.manualSelector) return;
  const labels = spec.template.metadata?.labels ?? {};
  const had = (label: string) => Object.hasOwn(before?.template.metadata?.labels ?? {}, label);
  const expected = {
    [OLD_UID_LABEL]: metadata?.uid ?? '',
    [OLD_NAME_LABEL]: metadata?.name ?? '',
    // A job that is older than these does without.
    ...((!before || (had(UID_LABEL) && had(NAME_LABEL))) && {
      [UID_LABEL]: metadata?.uid ?? '',
      [NAME_LABEL]: metadata?.name ?? '',
    }),
  };
  for (const [key, value] of Object.entries(expected)) {
    const field = `spec.template.metadata.labels[${key}]`;
    if (!Object.hasOwn(labels, key)) errors.push(requiredField(field, `must be '${value}'`));
    else if (labels[key] !== value) errors.push(invalidField(field, shownInOrder(labels), `must be '${value}'`));
  }
  try {
    if (!selectorFromLabelSelector(spec.selector).matches(expected))
      errors.push(invalidField('spec.selector', shownInOrder(spec.selector), '`selector` not auto-generated'));
  } catch {
    // That it is no selector is told of elsewhere.
  }
}

function checkSelector({ selector, template }: V1JobSpec, errors: FieldError[]): void {
  if (!selector) errors.push(requiredField('spec.selector'));
  else addErrors(errors, validateLabelSelector(selector, 'spec.selector'));
  const labels = template.metadata?.labels;
  try {
    const selected = selector ? selectorFromLabelSelector(selector) : selectorFromLabels({});
    if (selector && !selected.matches(labels))
      errors.push(
        invalidField('spec.template.metadata.labels', shownInOrder(labels), '`selector` does not match template `labels`'),
      );
  } catch {
    // Told of above.
  }
}

/** Adds complaints about a job's spec, or that of a cron job's jobs. `stored`: what it was before an update. */
export function validateJobSpec(spec: V1JobSpec, path: string, stored: V1JobSpec | undefined, errors: FieldError[]): void {
  for (const field of COUNTS) addErrors(errors, checkNotNegative(`${path}.${field}`, spec[field]));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(requiredField(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  if (spec.managedBy !== undefined) {
    addErrors(errors, checkDomainPrefixedPath(`${path}.managedBy`, spec.managedBy));
    if (spec.managedBy.length > LONGEST_MANAGER) errors.push(tooLongField(`${path}.managedBy`, LONGEST_MANAGER));
  }
  checkCompletionMode(spec, path, errors);
  if (spec.podFailurePolicy) validateFailurePolicy(spec, `${path}.podFailurePolicy`, errors);
  if (spec.successPolicy) {
    if (spec.completionMode === 'Indexed') validateSuccessPolicy(spec, `${path}.successPolicy`, errors);
    else
      errors.push(
        invalidField(`${path}.successPolicy`, shownForm('SuccessPolicy', spec.successPolicy), 'requires indexed completion mode'),
      );
  }
  checkReplacement(spec, `${path}.podReplacementPolicy`, errors);
  addErrors(errors, validatePodTemplate(spec.template, `${path}.template`, stored?.template));
  checkRestartPolicy(spec, `${path}.template.spec.restartPolicy`, errors);
}

function checkCompletionMode(spec: V1JobSpec, path: string, errors: FieldError[]): void {
  const { completionMode, completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  if (completionMode !== undefined && completionMode !== 'NonIndexed' && completionMode !== 'Indexed')
    errors.push(notSupportedField(`${path}.completionMode`, completionMode, ['NonIndexed', 'Indexed']));
  if (completionMode === undefined || completionMode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const)
      if (spec[field] !== undefined)
        errors.push(invalidField(`${path}.${field}`, spec[field], 'requires indexed completion mode'));
    return;
  }
  if (completionMode !== 'Indexed') return;
  if (completions === undefined) errors.push(requiredField(`${path}.completions`, 'when completion mode is Indexed'));
  if (parallelism > MOST_INDEXED)
    errors.push(
      invalidField(
        `${path}.parallelism`,
        parallelism,
        `must be less than or equal to ${MOST_INDEXED} when completion mode is Indexed`,
      ),
    );
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(invalidField(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
  if ((maxFailedIndexes ?? 0) > MOST_INDEXED)
    errors.push(invalidField(`${path}.maxFailedIndexes`, maxFailedIndexes, `must be less than or equal to ${MOST_INDEXED}`));
  if ((completions ?? 0) > MOST_INDEXED && backoffLimitPerIndex !== undefined) checkManyIndexes(spec, path, errors);
}

/** What is kept of each index has to fit into the status. */
function checkManyIndexes({ maxFailedIndexes, parallelism = 0 }: V1JobSpec, path: string, errors: FieldError[]): void {
  const why = `must be less than or equal to ${MOST_WITH_MANY} when completions are above ${MOST_INDEXED} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined)
    errors.push(requiredField(`${path}.maxFailedIndexes`, `must be specified when completions is above ${MOST_INDEXED}`));
  if (parallelism > MOST_WITH_MANY) errors.push(invalidField(`${path}.parallelism`, parallelism, why));
  if ((maxFailedIndexes ?? 0) > MOST_WITH_MANY) errors.push(invalidField(`${path}.maxFailedIndexes`, maxFailedIndexes, why));
}

function checkReplacement(
  { podReplacementPolicy: policy, podFailurePolicy }: V1JobSpec,
  field: string,
  errors: FieldError[],
): void {
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (policy !== undefined && !supported.includes(policy)) errors.push(notSupportedField(field, policy, supported));
}

/** Pods of jobs end. What they do by default is to start again. */
function checkRestartPolicy({ template, podFailurePolicy }: V1JobSpec, field: string, errors: FieldError[]): void {
  const policy = template.spec?.restartPolicy ?? '';
  if (policy === '' || policy === 'Always') errors.push(requiredField(field, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(notSupportedField(field, policy, ['OnFailure', 'Never']));
  else if (podFailurePolicy && policy !== 'Never')
    errors.push(invalidField(field, policy, 'only "Never" is supported when podFailurePolicy is specified'));
}
