import { goTypeName } from '../../api/machinery/schema.ts';
import { isAtomicField, isAtomicStructure, listTypeOf } from '../../api/patch/list-types.ts';
import type { SchemaObject } from './openapi-document.ts';

/** What tells a client how server-side apply merges: of a definition, or of one of its fields of a type like `[]V1Container!`. */
export function applyExtensions(schemaName: string, field?: string, fieldType = ''): Partial<SchemaObject> {
  const { name } = goTypeName(schemaName);
  if (field === undefined) return isAtomicStructure(schemaName, name) ? { 'x-kubernetes-map-type': 'atomic' } : {};
  if (fieldType.startsWith('[]')) {
    const list = listTypeOf(name, field);
    if (list?.type === 'map') return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [...list.keys] };
    return { 'x-kubernetes-list-type': list?.type ?? 'atomic' };
  }
  return isAtomicField(name, field) ? { 'x-kubernetes-map-type': 'atomic' } : {};
}
