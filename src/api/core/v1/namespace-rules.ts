/** How namespaces begin, and what they may hold. */
import type { V1Namespace } from '../../gen/types.ts';
import { checkField } from '../../machinery/field-checks.ts';
import { invalidField } from '../../machinery/field-error.ts';
import { checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
/** Stands until the namespace is empty. */
const FINALIZER = 'kubernetes';
const FINALIZERS = 'spec.finalizers';
/** These need no domain: the namespace's own, and those that say how to go about what an object owns. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set([FINALIZER, 'orphan', 'foregroundDeletion']);

export function setNamespaceDefaults(object: DynamicObject): void {
  const { metadata } = object;
  if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
  const namespace = object as V1Namespace;
  namespace.status = { ...namespace.status, phase: namespace.status?.phase || 'Active' };
}

export function prepareNamespace(object: DynamicObject): void {
  const namespace = object as V1Namespace;
  namespace.status = { phase: 'Active' };
  const finalizers = namespace.spec?.finalizers ?? [];
  namespace.spec = { ...namespace.spec, finalizers: finalizers.includes(FINALIZER) ? finalizers : [...finalizers, FINALIZER] };
}

export function validateNamespace(object: DynamicObject): FieldError[] {
  return validateFinalizers((object as V1Namespace).spec?.finalizers, () => FINALIZERS);
}

/** Here upstream says which finalizer it is. */
export function validateFinalize(object: DynamicObject): FieldError[] {
  return validateFinalizers((object as V1Namespace).spec?.finalizers, (i) => `${FINALIZERS}[${i}]`);
}

function validateFinalizers(finalizers: readonly string[] = [], pathOf: (index: number) => string): FieldError[] {
  return finalizers.flatMap((finalizer, i) => {
    const path = pathOf(i);
    const errors = checkField(path, finalizer, checkQualifiedName);
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer))
      errors.push(invalidField(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    return errors;
  });
}

/** A phase that does not fit the deletion time would let objects into a namespace that is on its way out. */
export function validateNamespaceStatus(updated: DynamicObject): FieldError[] {
  const { metadata, status } = updated as V1Namespace;
  const phase = status?.phase ?? '';
  if (metadata?.deletionTimestamp && phase !== 'Terminating')
    return [invalidField('status.Phase', phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
  if (!metadata?.deletionTimestamp && phase !== 'Active')
    return [invalidField('status.Phase', phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  return [];
}
