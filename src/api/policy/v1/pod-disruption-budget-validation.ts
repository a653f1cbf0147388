/** PodDisruptionBudgets (pkg/apis/policy/validation). */

import { shownForm } from '../../core/v1/internal-form.ts';
import type { V1PodDisruptionBudget } from '../../gen/types.ts';
import { checkNotNegative, checkOneOf } from '../../machinery/field-checks.ts';
import { addErrors, invalidField } from '../../machinery/field-error.ts';
import { checkIntOrPercent, checkNotOverWhole } from '../../machinery/int-or-percent.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateConditions } from '../../machinery/validate-conditions.ts';

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

const budgetOf = (object: DynamicObject) => object as V1PodDisruptionBudget;

export function validatePodDisruptionBudget(
  object: DynamicObject,
  _context: WriteContext,
  existing?: DynamicObject,
): FieldError[] {
  const spec = budgetOf(object).spec ?? {};
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    errors.push(
      invalidField('spec', shownForm('PodDisruptionBudgetSpec', spec), 'minAvailable and maxUnavailable cannot be both set'),
    );
  for (const [field, value] of Object.entries({ minAvailable, maxUnavailable }))
    if (value !== undefined)
      addErrors(errors, [...checkIntOrPercent(`spec.${field}`, value), ...checkNotOverWhole(`spec.${field}`, value)]);
  const lenient = validateLabelSelector(existing && budgetOf(existing).spec?.selector, '').length > 0;
  addErrors(errors, validateLabelSelector(selector, 'spec.selector', { lenient }));
  return policy === undefined ? errors : [...errors, ...checkOneOf('spec.unhealthyPodEvictionPolicy', policy, EVICTION_POLICIES)];
}

export function validatePodDisruptionBudgetStatus(updated: DynamicObject): FieldError[] {
  const { conditions, disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = budgetOf(updated).status ?? {};
  return [
    ...validateConditions(conditions, 'status.conditions'),
    ...checkNotNegative('status.disruptionsAllowed', disruptionsAllowed),
    ...checkNotNegative('status.currentHealthy', currentHealthy),
    ...checkNotNegative('status.desiredHealthy', desiredHealthy),
    ...checkNotNegative('status.expectedPods', expectedPods),
  ];
}
