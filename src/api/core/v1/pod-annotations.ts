import { forbiddenField } from '../../machinery/field-error.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const MIRROR_POD = 'kubernetes.io/config.mirror';

/**
 * Complaints about annotations that say what a pod is and so never change (ValidatePodSpecificAnnotationUpdates): a mirror pod opens
 * nothing to its node, and must not become an ordinary one by a write of its status.
 */
export function validatePodAnnotationsUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const after = updated.metadata.annotations?.[MIRROR_POD];
  const before = existing.metadata.annotations?.[MIRROR_POD];
  if (after === before) return [];
  const what = before === undefined ? 'may not add mirror pod annotation' : 'may not remove or update mirror pod annotation';
  return [forbiddenField(`metadata.annotations[${MIRROR_POD}]`, what)];
}
