/** Where pods want to be: which nodes, and near or away from which pods (core/validation validateAffinity). */
import type { V1Affinity, V1NodeAffinity, V1PodAffinity, V1PodAffinityTerm } from '../../gen/types.ts';
import { addErrors, invalidField, requiredField } from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsLabel, checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkLabelKeys } from './label-keys-validation.ts';
import { validateNodeSelector, validateNodeSelectorTerm } from './node-selector-validation.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const BAD_WEIGHT = 'must be in the range 1-100';

export function validateAffinity(
  { nodeAffinity, podAffinity, podAntiAffinity }: V1Affinity,
  path: string,
  errors: FieldError[],
): void {
  if (nodeAffinity) validateNodeAffinity(nodeAffinity, `${path}.nodeAffinity`, errors);
  if (podAffinity) validatePodAffinity(podAffinity, `${path}.podAffinity`, errors);
  if (podAntiAffinity) validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`, errors);
}

function validateNodeAffinity(affinity: V1NodeAffinity, path: string, errors: FieldError[]): void {
  const required = affinity[REQUIRED];
  if (required) addErrors(errors, validateNodeSelector(required, `${path}.${REQUIRED}`));
  affinity[PREFERRED]?.forEach(({ weight, preference }, i) => {
    const at = `${path}.${PREFERRED}[${i}]`;
    if (weight <= 0 || weight > 100) errors.push(invalidField(`${at}.weight`, weight, BAD_WEIGHT));
    addErrors(errors, validateNodeSelectorTerm(preference, `${at}.preference`, { anyValue: true }));
  });
}

function validatePodAffinity(affinity: V1PodAffinity, path: string, errors: FieldError[]): void {
  affinity[REQUIRED]?.forEach((term, i) => {
    checkPodTerm(term, `${path}.${REQUIRED}[${i}]`, errors);
  });
  affinity[PREFERRED]?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${path}.${PREFERRED}[${i}]`;
    if (weight <= 0 || weight > 100) errors.push(invalidField(`${at}.weight`, weight, BAD_WEIGHT));
    checkPodTerm(podAffinityTerm, `${at}.podAffinityTerm`, errors);
  });
}

function checkPodTerm(term: V1PodAffinityTerm, path: string, errors: FieldError[]): void {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  addErrors(errors, [
    ...validateLabelSelector(labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
  ]);
  for (const name of namespaces)
    for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${path}.namespace`, name, complaint));
  checkLabelKeys(term, path, errors);
  if (!topologyKey) errors.push(requiredField(`${path}.topologyKey`, 'can not be empty'));
  for (const complaint of checkQualifiedName(topologyKey))
    errors.push(invalidField(`${path}.topologyKey`, topologyKey, complaint));
}
