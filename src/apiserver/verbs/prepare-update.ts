import { cloneJson } from '../../api/machinery/clone.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import { resetStatus } from '../../api/machinery/initial-status.ts';
import type { KindDefinition, PartSubresource, WriteContext } from '../../api/machinery/kind.ts';
import type { DynamicObject, ObjectMeta } from '../../api/machinery/object.ts';
import { badRequest, conflict, invalid, MODIFIED, type StatusError } from '../../api/machinery/status-error.ts';
import { fieldsEqual } from '../store-access/json-equal.ts';
import { shareManagedFields, withoutManagedFields } from './managed-fields-apart.ts';
import { allowsUnconditionalUpdate, isNamespaceKind } from './object-rules.ts';

/** An object with the key that it is stored by. */
type StoredMeta = { readonly key: string; readonly object: Pick<DynamicObject, 'metadata'> };

/** Throws 409 when the request was made for another version, or another object, than the one that is there. */
export function checkVersion(kind: KindDefinition, requested: ObjectMeta, stored: StoredMeta, patches = false): void {
  const { key, object } = stored;
  const existing = object.metadata;
  const name = existing.name!;
  if (!patches && requested.uid && requested.uid !== existing.uid)
    throw preconditionFailed(kind, name, key, 'UID', requested.uid, existing.uid);
  if (requested.resourceVersion && requested.resourceVersion !== '0') {
    if (requested.resourceVersion !== existing.resourceVersion) throw conflict(kind, name, MODIFIED);
  } else if (!allowsUnconditionalUpdate(kind))
    // Upstream names the resource here, where it else names the kind.
    throw invalid({ group: kind.group, kind: kind.resource }, name, [
      invalidField('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
}

/** 409 as the store tells it: another object than the one that was meant, or another version of it. */
export const preconditionFailed = (
  kind: KindDefinition,
  name: string,
  key: string,
  what: 'UID' | 'ResourceVersion',
  wanted: string,
  found: string | undefined,
): StatusError =>
  conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
  );

/** Throws 400 when the body names another object than the path, or none. */
export function checkName(requested: ObjectMeta, name: string): void {
  if (!requested.name)
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (requested.name !== name)
    throw badRequest(`the name of the object (${requested.name}) does not match the name on the URL (${name})`);
}

/**
 * Makes the object that an update or patch leads to (registry/rest/update.go): what may not change is kept, a part subresource
 * changes only its part, the generation grows with the desired state. `requested` may be changed and become the result.
 */
export function prepareUpdate(
  kind: KindDefinition,
  part: PartSubresource | undefined,
  requested: DynamicObject,
  existing: DynamicObject,
  context: WriteContext,
): DynamicObject {
  keepServerFields(requested.metadata, existing.metadata);
  if (part) {
    const copy = cloneJson(withoutManagedFields(existing));
    shareManagedFields(copy, existing);
    const merged = part.merge(copy, requested, context);
    // A status that is left out is one without anything, but not nothing.
    if (part.name === 'status' && !kind.ownSchema && merged['status'] === undefined) resetStatus(kind.schema)(merged);
    merged.apiVersion = existing.apiVersion;
    merged.kind = existing.kind;
    keepServerFields(merged.metadata, existing.metadata);
    return withGeneration(kind, merged, existing);
  }
  if (kind.parts.some((p) => p.name === 'status')) {
    if (existing['status'] === undefined) delete requested['status'];
    else requested['status'] = cloneJson(existing['status']);
  }
  kind.prepareForUpdate?.(requested, existing, context);
  return withGeneration(kind, requested, existing);
}

function keepServerFields(metadata: ObjectMeta, existing: ObjectMeta): void {
  metadata.uid ||= existing.uid;
  // Times that are known are nobody's to change; who sends others, of an older object by that name, is not refused for it.
  if (existing.creationTimestamp) metadata.creationTimestamp = existing.creationTimestamp;
  if (existing.deletionTimestamp) metadata.deletionTimestamp = existing.deletionTimestamp;
  if (existing.deletionGracePeriodSeconds !== undefined)
    metadata.deletionGracePeriodSeconds ??= existing.deletionGracePeriodSeconds;
  if (existing.generateName) metadata.generateName ??= existing.generateName;
  delete metadata.selfLink;
  if (existing.generation === undefined) delete metadata.generation;
  else metadata.generation = existing.generation;
}

const WITHOUT_STATUS = ['metadata', 'apiVersion', 'kind'];
const WITH_STATUS = [...WITHOUT_STATUS, 'status'];

function withGeneration(kind: KindDefinition, updated: DynamicObject, existing: DynamicObject): DynamicObject {
  // Without a subresource of its own the status is desired state like everything else.
  const ignored = kind.ownSchema && !kind.parts.length ? WITHOUT_STATUS : WITH_STATUS;
  if (kind.hasGeneration && !fieldsEqual(updated, existing, ignored))
    updated.metadata.generation = (existing.metadata.generation ?? 0) + 1;
  return updated;
}

/** Whether the update took away the last thing that kept a deleted object: it goes with it. */
export function endsDeletion(kind: KindDefinition, updated: DynamicObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = updated.metadata;
  if (!deletionTimestamp || finalizers?.length) return false;
  if (isNamespaceKind(kind)) return !(updated['spec'] as { finalizers?: string[] } | undefined)?.finalizers?.length;
  return !deletionGracePeriodSeconds;
}

/** Whether an update changes anything that is stored. */
export function sameObject(updated: DynamicObject, existing: DynamicObject): boolean {
  return (
    fieldsEqual(updated, existing, ['metadata']) &&
    fieldsEqual(updated.metadata as object as Record<string, unknown>, existing.metadata as object as Record<string, unknown>, [
      'resourceVersion',
      'selfLink',
    ])
  );
}
