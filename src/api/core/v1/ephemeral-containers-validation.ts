import type { V1Pod } from '../../gen/types.ts';
import { sameMeaning } from '../../machinery/field-checks.ts';
import { forbiddenField, WHOLE_OBJECT } from '../../machinery/field-error.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { MIRROR_POD } from './pod-references.ts';
import { validatePod } from './pod-validation.ts';
import { describeDifference } from './spec-difference.ts';

/** They come to stay: none goes or changes. */
export function validateEphemeralContainersUpdate(
  updated: DynamicObject,
  existing: DynamicObject,
  context: WriteContext,
): FieldError[] {
  if (Object.hasOwn(existing.metadata.annotations ?? {}, MIRROR_POD))
    return [forbiddenField(WHOLE_OBJECT, 'static pods do not support ephemeral containers')];
  const errors = [...validatePod(updated, context, existing), ...validatePodAnnotationsUpdate(updated, existing)];
  const now = new Map((updated as V1Pod).spec?.ephemeralContainers?.map((container) => [container.name, container]));
  for (const before of (existing as V1Pod).spec?.ephemeralContainers ?? []) {
    const after = now.get(before.name);
    const named = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!after) errors.push(forbiddenField('spec.ephemeralContainers', `${named} may not be removed\n`));
    else if (!sameMeaning(before, after)) {
      const difference = describeDifference('EphemeralContainer', before, after);
      errors.push(forbiddenField('spec.ephemeralContainers', `${named} may not be changed\n${difference}`));
    }
  }
  return errors;
}
