/** Deployments and ReplicaSets (pkg/apis/apps/validation ValidateDeploymentSpec, ValidateReplicaSetSpec). */

import { shownForm } from '../../core/v1/internal-form.ts';
import type { V1Deployment, V1DeploymentStrategy, V1ReplicaSet, V1RollingUpdateDeployment } from '../../gen/types.ts';
import { checkNotNegative } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkIntOrPercent, checkNotOverWhole } from '../../machinery/int-or-percent.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkCollisionCount, validateReplicas } from '../../machinery/replica-status.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkReplicatedTemplate } from './workload-validation.ts';

export function validateDeployment(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { spec } = object as V1Deployment;
  const stored = (existing as V1Deployment | undefined)?.spec;
  const errors = checkNotNegative('spec.replicas', spec?.replicas);
  checkReplicatedTemplate(spec?.selector, spec?.template, stored?.template, errors);
  checkStrategy(spec?.strategy ?? {}, 'spec.strategy', errors);
  const { minReadySeconds = 0, progressDeadlineSeconds: deadline } = spec ?? {};
  addErrors(errors, checkNotNegative('spec.minReadySeconds', minReadySeconds));
  addErrors(errors, checkNotNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit));
  addErrors(errors, checkNotNegative('spec.progressDeadlineSeconds', deadline));
  if (deadline !== undefined && deadline <= minReadySeconds)
    errors.push(invalidField('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return errors;
}

function checkStrategy(strategy: V1DeploymentStrategy, path: string, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy;
  if (type === 'Recreate') {
    if (rollingUpdate)
      errors.push(forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'"));
  } else if (type === 'RollingUpdate') {
    if (rollingUpdate) checkRollingUpdate(rollingUpdate, `${path}.rollingUpdate`, errors);
    else errors.push(requiredField(`${path}.rollingUpdate`, 'this should be defaulted and never be nil'));
  } else errors.push(notSupportedField(path, shownForm('DeploymentStrategy', strategy), ['Recreate', 'RollingUpdate']));
}

/** Shares count as their number here, as upstream does it; what is neither share nor number counts as nothing. */
export const sizeOf = (value: number | string) =>
  typeof value === 'number' ? value : /^([+-]?\d+|\d+%)$/.test(value) ? Number.parseInt(value, 10) : 0;

function checkRollingUpdate(
  { maxUnavailable = 0, maxSurge = 0 }: V1RollingUpdateDeployment,
  path: string,
  errors: FieldError[],
): void {
  addErrors(errors, checkIntOrPercent(`${path}.maxUnavailable`, maxUnavailable));
  addErrors(errors, checkIntOrPercent(`${path}.maxSurge`, maxSurge));
  if (sizeOf(maxUnavailable) === 0 && sizeOf(maxSurge) === 0)
    errors.push(invalidField(`${path}.maxUnavailable`, maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  addErrors(errors, checkNotOverWhole(`${path}.maxUnavailable`, maxUnavailable));
}

export function validateDeploymentStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1Deployment).status ?? {}, (existing as V1Deployment).status];
  return [
    ...validateReplicas(after, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], {
      generationFirst: true,
      others: ['unavailableReplicas', 'collisionCount', 'terminatingReplicas'],
    }),
    ...checkCollisionCount(after.collisionCount, before?.collisionCount),
  ];
}

export function validateReplicaSet(object: DynamicObject, _context?: WriteContext, existing?: DynamicObject): FieldError[] {
  const { spec } = object as V1ReplicaSet;
  const stored = (existing as V1ReplicaSet | undefined)?.spec;
  const errors = checkNotNegative('spec.replicas', spec?.replicas);
  addErrors(errors, checkNotNegative('spec.minReadySeconds', spec?.minReadySeconds));
  checkReplicatedTemplate(spec?.selector, spec?.template, stored?.template, errors);
  return errors;
}

export function validateReplicaSetStatus(updated: DynamicObject): FieldError[] {
  const { status } = updated as V1ReplicaSet;
  return validateReplicas(status ?? {}, ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'], {
    others: ['terminatingReplicas'],
  });
}
