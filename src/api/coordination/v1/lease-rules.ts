import type { V1Lease } from '../../gen/types.ts';
import { invalidField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

export function validateLease(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Lease;
  const errors: FieldError[] = [];
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    errors.push(invalidField('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    errors.push(invalidField('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
  if (spec?.holderIdentity === '') errors.push(invalidField('spec.holderIdentity', '', 'must not be empty'));
  return errors;
}
