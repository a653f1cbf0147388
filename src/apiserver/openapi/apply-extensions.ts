import { goTypeName } from '../../api/machinery/schema.ts';
import { isAtomicField, isAtomicStructure, listTypeOf } from '../../api/patch/list-types.ts';
import type { SchemaObject } from './openapi-document.ts';

/** Types of which one field counts, and the field that says which (`+union` in k8s.io/api). */
const UNIONS: Readonly<Record<string, { readonly discriminator?: string; readonly fields: readonly string[] }>> = {
  AppArmorProfile: { discriminator: 'type', fields: ['localhostProfile'] },
  LimitResponse: { discriminator: 'type', fields: ['queuing'] },
  PodSchedulingGroup: { fields: ['podGroupName'] },
  PriorityLevelConfigurationSpec: { discriminator: 'type', fields: ['exempt', 'limited'] },
  SeccompProfile: { discriminator: 'type', fields: ['localhostProfile'] },
  'flowcontrol.Subject': { discriminator: 'kind', fields: ['group', 'serviceAccount', 'user'] },
};

/** What tells a client how server-side apply merges: of a definition, or of one of its fields of a type like `[]V1Container!`. */
export function applyExtensions(schemaName: string, field?: string, fieldType = ''): Partial<SchemaObject> {
  const { name } = goTypeName(schemaName);
  if (field === undefined)
    return { ...unionOf(schemaName, name), ...(isAtomicStructure(schemaName, name) && { 'x-kubernetes-map-type': 'atomic' }) };
  if (fieldType.startsWith('[]')) {
    const list = listTypeOf(name, field);
    if (list?.type === 'map') return { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [...list.keys] };
    return { 'x-kubernetes-list-type': list?.type ?? 'atomic' };
  }
  return isAtomicField(name, field) ? { 'x-kubernetes-map-type': 'atomic' } : {};
}

function unionOf(schemaName: string, name: string): Partial<SchemaObject> {
  const union = UNIONS[schemaName.startsWith('Flowcontrol') ? `flowcontrol.${name}` : name];
  if (!union) return {};
  const { discriminator, fields } = union;
  const goNames = Object.fromEntries(fields.map((field) => [field, field.charAt(0).toUpperCase() + field.slice(1)]));
  return { 'x-kubernetes-unions': [{ ...(discriminator && { discriminator }), 'fields-to-discriminateBy': goNames }] };
}
