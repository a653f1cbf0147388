import { outlivedLabel } from '../../core/v1/node-label-warnings.ts';
import type { V1StorageClass, V1TopologySelectorLabelRequirement, V1TopologySelectorTerm } from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { checkEach, checkField, checkImmutable, checkOneOf } from '../../machinery/field-checks.ts';
import { duplicateField, requiredField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { refuseUpdates, validateDriver, validateParameters } from './parameters.ts';

const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];

const classOf = (object: DynamicObject) => object as unknown as V1StorageClass;

export function validateStorageClass(object: DynamicObject): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies = [] } = classOf(object);
  return [
    ...validateDriver('provisioner', provisioner),
    ...validateParameters(parameters),
    ...(reclaimPolicy ? checkOneOf('reclaimPolicy', reclaimPolicy, RECLAIM_POLICIES) : []),
    ...(volumeBindingMode === undefined
      ? [requiredField('volumeBindingMode')]
      : checkOneOf('volumeBindingMode', volumeBindingMode, BINDING_MODES)),
    ...checkEach(allowedTopologies, 'allowedTopologies', (term, path, i) => [
      ...validateTerm(term, path),
      ...comparedTerms(allowedTopologies, i)
        .filter((earlier) => equalJson(byKey(earlier), byKey(term)))
        .map(() => duplicateField(`${path}.matchLabelExpressions`, '')),
    ]),
  ];
}

/** Upstream's list of terms seen begins with as many empty ones as there are terms: one without expressions is always there. */
const comparedTerms = (terms: readonly V1TopologySelectorTerm[], i: number): readonly V1TopologySelectorTerm[] => [
  ...terms.map(() => ({})),
  ...terms.slice(0, i),
];

const byKey = ({ matchLabelExpressions = [] }: V1TopologySelectorTerm) =>
  Object.fromEntries(matchLabelExpressions.map(({ key, values }) => [`=${key}`, [...values].sort()]));

function validateTerm({ matchLabelExpressions = [] }: V1TopologySelectorTerm, path: string): FieldError[] {
  const seen = new Set<string>();
  return checkEach(matchLabelExpressions, `${path}.matchLabelExpressions`, (requirement, at) => {
    const errors = validateRequirement(requirement, at);
    if (seen.has(requirement.key)) errors.push(duplicateField(`${at}.key`, requirement.key));
    seen.add(requirement.key);
    return errors;
  });
}

function validateRequirement({ key, values }: V1TopologySelectorLabelRequirement, path: string): FieldError[] {
  const errors = values.length
    ? checkEach(values, `${path}.values`, (value, at, i) => (values.indexOf(value) < i ? [duplicateField(at, value)] : []))
    : [requiredField(`${path}.values`)];
  return [...errors, ...checkField(`${path}.key`, key, checkQualifiedName)];
}

export function validateStorageClassUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [classOf(updated), classOf(existing)];
  return [
    ...refuseUpdates(after, before, ['parameters', 'provisioner', 'reclaimPolicy']),
    ...checkImmutable('volumeBindingMode', after.volumeBindingMode, before.volumeBindingMode),
  ];
}

/** Labels of nodes that have got other names (pkg/api/storage GetWarningsForStorageClass). */
export const storageClassWarnings = (object: DynamicObject): string[] =>
  (classOf(object).allowedTopologies ?? []).flatMap(({ matchLabelExpressions = [] }, i) =>
    matchLabelExpressions.flatMap(({ key }, j) => {
      const outlived = outlivedLabel(key);
      return outlived === undefined ? [] : [`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${outlived}`];
    }),
  );
