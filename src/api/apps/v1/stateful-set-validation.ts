/** StatefulSets (pkg/apis/apps/validation ValidateStatefulSetSpec, ValidateStatefulSetUpdate). */

import { shownForm } from '../../core/v1/internal-form.ts';
import { checkLastingTemplate, validateTemplateMetadata } from '../../core/v1/pod-template-validation.ts';
import type {
  V1RollingUpdateStatefulSetStrategy,
  V1StatefulSet,
  V1StatefulSetSpec,
  V1StatefulSetUpdateStrategy,
} from '../../gen/types.ts';
import { checkNotNegative, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { checkIntOrPercent, checkNotOverWhole } from '../../machinery/int-or-percent.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkCollisionCount, validateReplicas } from '../../machinery/replica-status.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { sizeOf } from './deployment-validation.ts';
import { checkSelected, checkSelector } from './workload-validation.ts';

const RETENTION = ['Retain', 'Delete'];

export function validateStatefulSet(object: DynamicObject): FieldError[] {
  const spec: Partial<V1StatefulSetSpec> = (object as V1StatefulSet).spec ?? {};
  const errors: FieldError[] = [];
  checkManagement(spec.podManagementPolicy, errors);
  checkStrategy(spec.updateStrategy ?? {}, 'spec.updateStrategy', errors);
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  for (const field of retention ? (['whenDeleted', 'whenScaled'] as const) : [])
    if (!RETENTION.includes(retention?.[field] ?? ''))
      errors.push(notSupportedField(`spec.persistentVolumeClaimRetentionPolicy.${field}`, retention?.[field] ?? '', RETENTION));
  addErrors(errors, [
    ...checkNotNegative('spec.replicas', spec.replicas),
    ...checkNotNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...checkNotNegative('spec.ordinals.start', spec.ordinals?.start),
  ]);
  checkSelector(spec.selector, 'statefulset', errors);
  // The pods' spec is not checked here: volumes that they mount are made of the claims' templates.
  if (checkSelected(spec.selector, spec.template, '', errors) && spec.template)
    validateTemplateMetadata(spec.template, 'spec.template', errors);
  checkLastingTemplate(spec.template, 'spec.template', 'StatefulSet', errors);
  return errors;
}

function checkManagement(policy: string | undefined, errors: FieldError[]): void {
  const field = 'spec.podManagementPolicy';
  if (!policy) errors.push(requiredField(field));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel')
    errors.push(invalidField(field, policy, "must be 'OrderedReady' or 'Parallel'"));
}

function checkStrategy(strategy: V1StatefulSetUpdateStrategy, path: string, errors: FieldError[]): void {
  const { type, rollingUpdate } = strategy;
  if (!type) errors.push(requiredField(path));
  else if (type === 'OnDelete') {
    if (rollingUpdate)
      errors.push(
        invalidField(
          `${path}.rollingUpdate`,
          shownForm('RollingUpdateStatefulSetStrategy', rollingUpdate),
          "only allowed for updateStrategy 'RollingUpdate'",
        ),
      );
  } else if (type === 'RollingUpdate') {
    if (rollingUpdate) checkRollingUpdate(rollingUpdate, `${path}.rollingUpdate`, errors);
  } else
    errors.push(invalidField(path, shownForm('StatefulSetUpdateStrategy', strategy), "must be 'RollingUpdate' or 'OnDelete'"));
}

function checkRollingUpdate(
  { partition, maxUnavailable }: V1RollingUpdateStatefulSetStrategy,
  path: string,
  errors: FieldError[],
): void {
  addErrors(errors, checkNotNegative(`${path}.partition`, partition));
  if (maxUnavailable === undefined) return;
  const field = `${path}.maxUnavailable`;
  addErrors(errors, checkIntOrPercent(field, maxUnavailable));
  if (sizeOf(maxUnavailable) === 0) errors.push(invalidField(field, maxUnavailable, 'cannot be 0'));
  addErrors(errors, checkNotOverWhole(field, maxUnavailable));
}

const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const satisfies (keyof V1StatefulSetSpec)[];

const MAY_CHANGE = `updates to statefulset spec for fields other than ${MUTABLE.slice(0, -1)
  .map((field) => `'${field}'`)
  .join(', ')} and '${MUTABLE.at(-1)}' are forbidden`;

export function validateStatefulSetUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const fixed = (object: DynamicObject) => {
    const rest: Partial<V1StatefulSetSpec> = { ...(object as V1StatefulSet).spec };
    for (const field of MUTABLE) delete rest[field];
    return rest;
  };
  return sameMeaning(fixed(updated), fixed(existing)) ? [] : [forbiddenField('spec', MAY_CHANGE)];
}

export function validateStatefulSetStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [(updated as V1StatefulSet).status, (existing as V1StatefulSet).status];
  return [
    ...validateReplicas(after ?? {}, ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'], {
      others: ['collisionCount'],
      readyField: 'status.readyReplicas',
    }),
    ...checkCollisionCount(after?.collisionCount, before?.collisionCount),
  ];
}
