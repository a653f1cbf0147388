import { builtInType } from '../../apply/built-in-type.ts';
import type { ListType, MapType, ObjectType, StructureField, StructureType } from '../../apply/object-type.ts';
import { fieldElement } from '../../apply/path-element.ts';
import { isEmbedded, isIntOrString, itemsOf, type JsonSchema, preservesUnknown, valuesOf } from './json-schema.ts';

/** Whatever JSON holds: maps are owned entry by entry, all else as a whole. */
const ANYTHING: MapType = { form: 'map', atomic: false, undescribed: true, element: () => ANYTHING };
const PLAIN: ObjectType = { form: 'scalar', name: 'any' };
/** Text, a number or a truth, of which no other form is the same. */
const ANY_SCALAR: ObjectType = { form: 'scalar', name: 'int-or-string' };

/** How server-side apply sees a custom resource's fields (apiextensions/…/controller/openapi/builder and util/managedfields). */
export function applyTypeOf(schema: JsonSchema): StructureType {
  return structure(schema, true);
}

function structure(schema: JsonSchema, isResource: boolean): StructureType {
  const fields = new Map<string, StructureField>();
  const add = (name: string, type: () => ObjectType, absent?: unknown) =>
    fields.set(name, { element: fieldElement(name), type, absent, ignored: false });
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    let made: ObjectType | undefined;
    add(name, () => {
      made ??= typeOf(inner);
      return made;
    });
  }
  if (isResource) {
    add('apiVersion', () => ({ form: 'scalar', name: 'string' }));
    add('kind', () => ({ form: 'scalar', name: 'string' }));
    add('metadata', () => builtInType('V1ObjectMeta'), NOTHING);
  }
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  return { form: 'structure', atomic, fields, ...(isResource && preservesUnknown(schema) && { rest: () => ANYTHING }) };
}

const NOTHING: unknown = Object.freeze({});

function typeOf(schema: JsonSchema): ObjectType {
  if (isIntOrString(schema)) return PLAIN;
  switch (schema.type) {
    case 'string':
      // What a text with a format is like, only its format knows.
      return schema.format && schema.format !== 'byte' ? ANY_SCALAR : { form: 'scalar', name: 'string' };
    case 'boolean':
      return { form: 'scalar', name: 'boolean' };
    case 'integer':
    case 'number':
      return { form: 'scalar', name: 'double' };
    case 'array':
      return listType(schema);
    case 'object':
      return mapOrStructure(schema);
    default:
      return ANYTHING;
  }
}

function mapOrStructure(schema: JsonSchema): ObjectType {
  const atomic = schema['x-kubernetes-map-type'] === 'atomic';
  const values = valuesOf(schema);
  const open = preservesUnknown(schema) || schema.additionalProperties === true;
  if (Object.keys(schema.properties ?? {}).length || isEmbedded(schema)) {
    const made = structure(schema, isEmbedded(schema));
    return open ? { ...made, rest: () => ANYTHING } : made;
  }
  // An object of which nothing is said may hold anything while it is applied: pruning comes later.
  let element: ObjectType | undefined;
  const map: MapType = {
    form: 'map',
    atomic,
    element: () => {
      element ??= values ? typeOf(values) : ANYTHING;
      return element;
    },
  };
  return map;
}

function listType(schema: JsonSchema): ListType {
  const items = itemsOf(schema) ?? {};
  let made: ObjectType | undefined;
  const element = () => {
    made ??= typeOf(items);
    return made;
  };
  const kind = schema['x-kubernetes-list-type'];
  if (kind === 'set') return { form: 'list', relation: 'set', keys: [], element };
  if (kind !== 'map') return { form: 'list', relation: 'atomic', keys: [], element };
  const names = [...(schema['x-kubernetes-list-map-keys'] ?? [])].sort();
  const keys = names.map((name) => ({ name, default: items.properties?.[name]?.default }));
  return { form: 'list', relation: 'keyed', keys, element };
}
