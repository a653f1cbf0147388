import type { DynamicObject } from '../machinery/object.ts';
import { isEmptySet } from './field-set.ts';
import type { Manager, Managers } from './managed-fields.ts';
import type { StructureType } from './object-type.ts';
import { presentFields } from './remove.ts';

/** Managers without fields that are not in the object: what a client applied as null, or sent as managed fields, may not be there. */
export function withoutAbsent(type: StructureType, object: Pick<DynamicObject, 'apiVersion'>, managers: Managers): Managers {
  let changed: Map<string, Manager> | undefined;
  for (const [id, manager] of managers) {
    if (manager.apiVersion !== object.apiVersion) continue; // speaks of the fields of another version
    const fields = presentFields(type, object, manager.fields);
    if (fields === manager.fields) continue;
    changed ??= new Map(managers);
    if (isEmptySet(fields)) changed.delete(id);
    else changed.set(id, { ...manager, fields });
  }
  return changed ?? managers;
}
