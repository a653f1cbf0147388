/** What may change of a pod that is there (core/validation ValidatePodUpdate). */
import type { V1Container, V1NodeAffinity, V1NodeSelectorTerm, V1Pod, V1PodSpec } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { forbiddenField, invalidField, requiredField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkImageBlanks } from './container-validation.ts';
import { shownForm, shownInOrder } from './internal-form.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { excusedBy } from './pod-validation.ts';
import { describeDifference } from './spec-difference.ts';
import { checkKeptTolerations } from './toleration-validation.ts';

const LARGEST_INT32 = 2 ** 31 - 1;

const MAY_CHANGE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod is what it was made as, but for images, a shorter deadline, more tolerations and fewer scheduling gates. */
export function validatePodUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  return excusedBy(existing, changesOf(updated, existing));
}

function changesOf(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const errors = validatePodAnnotationsUpdate(updated, existing);
  const after = (updated as V1Pod).spec;
  const before = (existing as V1Pod).spec;
  if (!after || !before) return errors;
  for (const list of ['containers', 'initContainers'] as const)
    if (!checkContainers(after[list], before[list], `spec.${list}`, errors)) return errors;
  if (!checkDeadline(after.activeDeadlineSeconds, before.activeDeadlineSeconds, errors)) return errors;
  checkKeptTolerations(after.tolerations, before.tolerations, 'spec.tolerations', errors);
  checkGates(after, before, errors);
  if (!sameMeaning(after, before)) checkRest(after, before, errors);
  return errors;
}

/** Says whether it makes sense to compare further. */
function checkContainers(
  after: readonly V1Container[] = [],
  before: readonly V1Container[] = [],
  path: string,
  errors: FieldError[],
): boolean {
  if (after.length !== before.length) {
    errors.push(forbiddenField(path, 'pod updates may not add or remove containers'));
    return false;
  }
  after.forEach((container, i) => {
    if (!container.image) errors.push(requiredField(`${path}[${i}].image`));
    checkImageBlanks(container, `${path}[${i}]`, errors);
  });
  return true;
}

function checkDeadline(after: number | undefined, before: number | undefined, errors: FieldError[]): boolean {
  const field = 'spec.activeDeadlineSeconds';
  if (after === undefined) {
    if (before !== undefined) errors.push(invalidField(field, after, 'must not update from a positive integer to nil value'));
    return true;
  }
  if (after < 0 || after > LARGEST_INT32)
    errors.push(invalidField(field, after, `must be between 0 and ${LARGEST_INT32}, inclusive`));
  else if (before !== undefined && before < after)
    errors.push(invalidField(field, after, 'must be less than or equal to previous value'));
  else return true;
  return false;
}

function checkGates(after: V1PodSpec, before: V1PodSpec, errors: FieldError[]): void {
  const known = new Set(before.schedulingGates?.map(({ name }) => name));
  after.schedulingGates?.forEach(({ name }, i) => {
    if (!known.has(name))
      errors.push(
        forbiddenField(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${name}'`),
      );
  });
}

function checkRest(after: V1PodSpec, before: V1PodSpec, errors: FieldError[]): void {
  const withImagesOf = (containers: readonly V1Container[] | undefined, others: readonly V1Container[] | undefined) =>
    containers?.map((container, i) => ({ ...container, image: others?.[i]?.image }) as V1Container);
  const munged: V1PodSpec = {
    ...after,
    containers: withImagesOf(after.containers, before.containers)!,
    ...(after.initContainers && { initContainers: withImagesOf(after.initContainers, before.initContainers)! }),
  };
  const keep = (...fields: (keyof V1PodSpec)[]) => {
    for (const field of fields)
      if (before[field] === undefined) delete munged[field];
      else Object.assign(munged, { [field]: before[field] });
  };
  keep('activeDeadlineSeconds', 'schedulingGates', 'tolerations');
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && after.terminationGracePeriodSeconds === 1)
    keep('terminationGracePeriodSeconds');
  if (before.schedulingGates?.length) {
    checkNodeSelector(after.nodeSelector, before.nodeSelector, errors);
    keep('nodeSelector');
    checkNodeAffinity(after.affinity?.nodeAffinity, before.affinity?.nodeAffinity, errors);
    keepNodeAffinity(munged, before);
  }
  if (!sameMeaning(munged, before))
    errors.push(forbiddenField('spec', `${MAY_CHANGE}\n${describeDifference('PodSpec', before, munged)}`));
}

/** While it is gated, a pod may become pickier about nodes. */
function checkNodeSelector(after: V1PodSpec['nodeSelector'], before: V1PodSpec['nodeSelector'] = {}, errors: FieldError[]): void {
  for (const key in before)
    if (!Object.hasOwn(after ?? {}, key) || after?.[key] !== before[key]) {
      errors.push(
        invalidField(
          'spec.nodeSelector',
          shownInOrder(after),
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        ),
      );
      return;
    }
}

function checkNodeAffinity(after: V1NodeAffinity | undefined, before: V1NodeAffinity | undefined, errors: FieldError[]): void {
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  const then = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const now = after?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!then.length) return;
  if (then.length !== now?.length) {
    errors.push(
      invalidField(
        path,
        shownForm('NodeSelectorTerm', now),
        'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
      ),
    );
    return;
  }
  then.forEach((term, i) => {
    if (!onlyAdds(now[i]!, term))
      errors.push(
        invalidField(
          `${path}[${i}]`,
          shownForm('NodeSelectorTerm', now[i]),
          'only additions are allowed (no mutations or deletions)',
        ),
      );
  });
}

function onlyAdds(after: V1NodeSelectorTerm, before: V1NodeSelectorTerm): boolean {
  const { matchExpressions = [], matchFields = [] } = before;
  // A term that is empty means nothing, and would mean more with something in it.
  if (!matchExpressions.length && !matchFields.length) return !after.matchExpressions?.length && !after.matchFields?.length;
  return (
    sameMeaning((after.matchExpressions ?? []).slice(0, matchExpressions.length), matchExpressions) &&
    sameMeaning((after.matchFields ?? []).slice(0, matchFields.length), matchFields)
  );
}

function keepNodeAffinity(munged: V1PodSpec, before: V1PodSpec): void {
  const { nodeAffinity: _, ...others } = munged.affinity ?? {};
  const kept = before.affinity?.nodeAffinity;
  if (kept) munged.affinity = { ...others, nodeAffinity: kept };
  else if (before.affinity || Object.keys(others).length) munged.affinity = others;
  else delete munged.affinity;
}
