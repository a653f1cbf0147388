import type { V1Lease } from '../../gen/types.ts';
import { addErrors, forbiddenField, invalidField, notSupportedField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

export function validateLease(object: DynamicObject): FieldError[] {
  const { spec } = object as V1Lease;
  const errors: FieldError[] = [];
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0)
    errors.push(invalidField('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
  if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0)
    errors.push(invalidField('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
  if (spec?.strategy !== undefined) addErrors(errors, validateLeaseStrategy(spec.strategy, 'spec.strategy'));
  if (spec?.preferredHolder && !spec.strategy)
    errors.push(forbiddenField('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  return errors;
}

const STRATEGIES = ['OldestEmulationVersion'];

/** How the holder is chosen: in a way that Kubernetes knows, or in somebody's own. */
export function validateLeaseStrategy(strategy: string, path: string): FieldError[] {
  const field = `${path}.strategy`;
  if (!strategy.includes('/')) return STRATEGIES.includes(strategy) ? [] : [notSupportedField(field, strategy, STRATEGIES)];
  return checkQualifiedName(strategy).map((complaint) => invalidField(field, strategy, complaint));
}
