/** How evenly pods are spread (core/validation validateTopologySpreadConstraints). */
import type { V1TopologySpreadConstraint } from '../../gen/types.ts';
import { duplicateField, forbiddenField, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';

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
  errors.push(...validateLabelSelector(labelSelector, `${path}.labelSelector`));
}

/** Keys of the pod's own labels that are put into the selector when the pod is made: a second mention was there before. */
function checkLabelKeys(
  { matchLabelKeys = [], labelSelector }: V1TopologySpreadConstraint,
  path: string,
  errors: FieldError[],
): void {
  if (!matchLabelKeys.length) return;
  const field = `${path}.matchLabelKeys`;
  if (!labelSelector) errors.push(forbiddenField(field, 'must not be specified when labelSelector is not set'));
  matchLabelKeys.forEach((key, i) => {
    for (const complaint of checkQualifiedName(key)) errors.push(invalidField(`${field}[${i}]`, key, complaint));
  });
  if (!labelSelector) return;
  const places = new Map(matchLabelKeys.map((key, i) => [key, i]));
  const selected = new Set(Object.keys(labelSelector.matchLabels ?? {}));
  for (const { key } of labelSelector.matchExpressions ?? []) {
    const place = places.get(key);
    if (place !== undefined && selected.has(key))
      errors.push(invalidField(`${field}[${place}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    selected.add(key);
  }
}
