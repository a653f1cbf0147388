/** How evenly pods are spread (core/validation validateTopologySpreadConstraints). */
import type { V1TopologySpreadConstraint } from '../../gen/types.ts';
import { addErrors, duplicateField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkLabelKeys } from './label-keys-validation.ts';

const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const NODE_POLICIES = ['Honor', 'Ignore'];
const NOT_POSITIVE = 'must be greater than zero';

export function validateTopologySpread(
  constraints: readonly V1TopologySpreadConstraint[],
  path: string,
  errors: FieldError[],
): void {
  const last = new Map(constraints.map((constraint, i) => [pairOf(constraint), i]));
  constraints.forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable } = constraint;
    if (maxSkew <= 0) errors.push(invalidField(`${at}.maxSkew`, maxSkew, NOT_POSITIVE));
    if (!topologyKey) errors.push(requiredField(`${at}.topologyKey`, 'can not be empty'));
    if (!ACTIONS.includes(whenUnsatisfiable))
      errors.push(notSupportedField(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ACTIONS));
    // Told of all but the last of those that are the same.
    if (last.get(pairOf(constraint)) !== i)
      errors.push(duplicateField(`${at}.{topologyKey, whenUnsatisfiable}`, pairOf(constraint)));
    checkDetails(constraint, at, errors);
  });
}

const pairOf = ({ topologyKey, whenUnsatisfiable }: V1TopologySpreadConstraint) => `{${topologyKey}, ${whenUnsatisfiable}}`;

function checkDetails(constraint: V1TopologySpreadConstraint, path: string, errors: FieldError[]): void {
  const { minDomains, whenUnsatisfiable, nodeAffinityPolicy, nodeTaintsPolicy, labelSelector } = constraint;
  if (minDomains !== undefined) {
    if (minDomains <= 0) errors.push(invalidField(`${path}.minDomains`, minDomains, NOT_POSITIVE));
    if (whenUnsatisfiable !== 'DoNotSchedule')
      errors.push(
        invalidField(
          `${path}.minDomains`,
          minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`,
        ),
      );
  }
  if (nodeAffinityPolicy !== undefined && !NODE_POLICIES.includes(nodeAffinityPolicy))
    errors.push(notSupportedField(`${path}.nodeAffinityPolicy`, nodeAffinityPolicy, NODE_POLICIES));
  if (nodeTaintsPolicy !== undefined && !NODE_POLICIES.includes(nodeTaintsPolicy))
    errors.push(notSupportedField(`${path}.nodeTaintsPolicy`, nodeTaintsPolicy, NODE_POLICIES));
  checkLabelKeys(constraint, path, errors);
  addErrors(errors, validateLabelSelector(labelSelector, `${path}.labelSelector`));
}
