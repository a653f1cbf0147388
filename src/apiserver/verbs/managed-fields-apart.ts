import { isJsonMap } from '../../api/machinery/clone.ts';
import type { DynamicObject, JsonValue } from '../../api/machinery/object.ts';
import type { PatchFormat } from './patch.ts';

/**
 * The object without what it says of its managers, which is a quarter of a pod and half of a map: passes that have nothing to do with
 * them need not copy, decode and compare them. Shares all else with the object.
 */
export function withoutManagedFields(object: DynamicObject): DynamicObject {
  if (!object.metadata.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Gives an object that was made of another one's parts its managers again, in place. They are shared, and not to be changed. */
export function shareManagedFields(object: DynamicObject, { metadata: { managedFields } }: DynamicObject): void {
  if (managedFields) object.metadata.managedFields = managedFields;
}

/** Whether a patch has nothing to do with who owns what, so that it leaves that as it is. */
export function leavesManagedFields(format: PatchFormat, patch: JsonValue): boolean {
  if (format === 'json')
    return Array.isArray(patch) && patch.every((operation) => isJsonMap(operation) && staysOutside(operation));
  if (!isJsonMap(patch) || hasDirective(patch)) return false;
  const { metadata } = patch;
  return metadata === undefined || (isJsonMap(metadata) && !hasDirective(metadata) && !Object.hasOwn(metadata, 'managedFields'));
}

const hasDirective = (map: object) => Object.keys(map).some((key) => key.startsWith('$'));

const staysOutside = ({ path, from }: Record<string, unknown>) => isOutside(path) && (from === undefined || isOutside(from));

/** Pointers to the whole object or its metadata may mean what is in them. */
const isOutside = (pointer: unknown) =>
  typeof pointer === 'string' && pointer.startsWith('/') && pointer !== '/metadata' && !pointer.startsWith('/metadata/');
