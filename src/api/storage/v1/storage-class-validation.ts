import { outlivedLabel } from '../../core/v1/node-label-warnings.ts';
import type { V1StorageClass, V1TopologySelectorLabelRequirement, V1TopologySelectorTerm } from '../../gen/types.ts';
import { checkEach, checkField, checkImmutable, checkOneOf } from '../../machinery/field-checks.ts';
import { duplicateField, requiredField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { type FieldError, MOST_FIELD_ERRORS } from '../../machinery/status-error.ts';
import { refuseUpdates, validateDriver, validateParameters } from './parameters.ts';

const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];

const classOf = (object: DynamicObject) => object as unknown as V1StorageClass;

export function validateStorageClass(object: DynamicObject): FieldError[] {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowedTopologies = [] } = classOf(object);
  const seen = new SeenTerms(allowedTopologies.length);
  return [
    ...validateDriver('provisioner', provisioner),
    ...validateParameters(parameters),
    ...(reclaimPolicy ? checkOneOf('reclaimPolicy', reclaimPolicy, RECLAIM_POLICIES) : []),
    ...(volumeBindingMode === undefined
      ? [requiredField('volumeBindingMode')]
      : checkOneOf('volumeBindingMode', volumeBindingMode, BINDING_MODES)),
    ...checkEach(allowedTopologies, 'allowedTopologies', (term, path) => [
      ...validateTerm(term, path),
      ...Array.from({ length: seen.add(term) }, () => duplicateField(`${path}.matchLabelExpressions`, '')),
    ]),
  ];
}

/** How often terms that mean the same have been there. One is complained about for each; more than can be told are not counted. */
class SeenTerms {
  readonly #times = new Map<string, number>();

  /** Upstream's list of terms seen begins with as many empty ones as there are terms: one without expressions is always there. */
  constructor(terms: number) {
    this.#times.set(meaningOf({}), terms);
  }

  /** Returns how often it was there before. */
  add(term: V1TopologySelectorTerm): number {
    const meaning = meaningOf(term);
    const times = this.#times.get(meaning) ?? 0;
    this.#times.set(meaning, times + 1);
    return Math.min(times, MOST_FIELD_ERRORS);
  }
}

/** A text that is the same for terms that mean the same: of several expressions about one key the last one counts. */
function meaningOf({ matchLabelExpressions = [] }: V1TopologySelectorTerm): string {
  const byKey = new Map(matchLabelExpressions.map(({ key, values }) => [key, values.toSorted()]));
  return JSON.stringify([...byKey].sort(([a], [b]) => (a < b ? -1 : 1)));
}

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
  const seen = new Set<string>();
  const checkOnce = (value: string, at: string) => {
    if (seen.has(value)) return [duplicateField(at, value)];
    seen.add(value);
    return [];
  };
  const errors = values.length ? checkEach(values, `${path}.values`, checkOnce) : [requiredField(`${path}.values`)];
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
