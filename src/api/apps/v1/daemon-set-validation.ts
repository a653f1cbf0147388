/** DaemonSets (pkg/apis/apps/validation ValidateDaemonSetSpec). */

import { shownForm, shownInOrder } from '../../core/v1/internal-form.ts';
import { checkLastingTemplate, validatePodTemplate } from '../../core/v1/pod-template-validation.ts';
import type { V1DaemonSet, V1DaemonSetUpdateStrategy, V1RollingUpdateDaemonSet } from '../../gen/types.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkIntOrPercent, checkNotOverWhole } from '../../machinery/int-or-percent.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { isEmptySelector, validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkCollisionCount } from '../../machinery/replica-status.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { sizeOf } from './deployment-validation.ts';
import { selects } from './workload-validation.ts';

export function validateDaemonSet(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const stored = (existing as V1DaemonSet | undefined)?.spec;
  const { spec } = object as V1DaemonSet;
  const { selector, template } = spec ?? {};
  const errors = validateLabelSelector(selector, 'spec.selector');
  const labels = template?.metadata?.labels;
  if (selects(selector, labels) === false)
    errors.push(
      invalidField('spec.template.metadata.labels', shownInOrder(labels), '`selector` does not match template `labels`'),
    );
  if (selector && isEmptySelector(selector))
    errors.push(invalidField('spec.selector', shownInOrder(selector), 'empty selector is invalid for daemonset'));
  addErrors(errors, validatePodTemplate(template, 'spec.template', stored?.template));
  checkLastingTemplate(template, 'spec.template', 'DaemonSet', errors);
  addErrors(errors, checkNotNegative('spec.minReadySeconds', spec?.minReadySeconds));
  checkStrategy(spec?.updateStrategy ?? {}, 'spec.updateStrategy', errors);
  addErrors(errors, checkNotNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit));
  return errors;
}

function checkStrategy(strategy: V1DaemonSetUpdateStrategy, path: string, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy;
  if (type === 'OnDelete') return;
  if (type !== 'RollingUpdate')
    errors.push(notSupportedField(path, shownForm('DaemonSetUpdateStrategy', strategy), ['RollingUpdate', 'OnDelete']));
  else if (!rollingUpdate) errors.push(requiredField(`${path}.rollingUpdate`));
  else checkRollingUpdate(rollingUpdate, `${path}.rollingUpdate`, errors);
}

/** On each node there is one pod more for a while, or none for a while; not both, and not neither. */
function checkRollingUpdate(
  { maxUnavailable = 0, maxSurge = 0 }: V1RollingUpdateDaemonSet,
  path: string,
  errors: FieldError[],
): void {
  addErrors(errors, [
    ...checkIntOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...checkIntOrPercent(`${path}.maxSurge`, maxSurge),
    ...checkNotOverWhole(`${path}.maxUnavailable`, maxUnavailable),
    ...checkNotOverWhole(`${path}.maxSurge`, maxSurge),
  ]);
  const [away, more] = [sizeOf(maxUnavailable) !== 0, sizeOf(maxSurge) !== 0];
  if (away && more) errors.push(invalidField(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  else if (!away && !more) errors.push(requiredField(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
}

const COUNTS = [
  'currentNumberScheduled',
  'numberMisscheduled',
  'desiredNumberScheduled',
  'numberReady',
  'observedGeneration',
  'updatedNumberScheduled',
  'numberAvailable',
  'numberUnavailable',
  'collisionCount',
] as const;

export function validateDaemonSetStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1DaemonSet).status, (existing as V1DaemonSet).status];
  const errors = COUNTS.flatMap((field) => checkNotNegative(`status.${field}`, after?.[field]));
  return [...errors, ...checkCollisionCount(after?.collisionCount, before?.collisionCount)];
}
