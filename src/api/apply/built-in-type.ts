import { zeroScalar } from '../machinery/decode-scalar.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import { fieldsWithoutZeros } from '../machinery/omitted-zeros.ts';
import { type FieldType, fieldOfSchema, fieldsOfSchema, goTypeName } from '../machinery/schema.ts';
import { isWrittenAsZero } from '../machinery/written-zeros.ts';
import { isAlwaysThere, isAtomicField, isAtomicStructure, keyDefaultOf, listTypeOf } from '../patch/list-types.ts';
import type { ListType, ObjectType, StructureField, StructureType } from './object-type.ts';
import { fieldElement } from './path-element.ts';

/** What was compiled so far, atomic or not apart. A memo of pure functions: it changes no answer. */
const compiled = new Map<string, StructureType>();

const NOTHING: unknown = Object.freeze({});
const NO_ITEMS: unknown = Object.freeze([]);

/** The type of a kind's objects. */
export const typeOfKind = ({ ownSchema, schema }: Pick<KindDefinition, 'ownSchema' | 'schema'>): StructureType =>
  ownSchema ? ownSchema.applyType() : builtInType(schema);

/** The type of a schema in `gen/schema.json`, from its fields and the list types beside the merge keys. */
export function builtInType(schema: string): StructureType {
  return structure(schema, isAtomicStructure(schema, goTypeName(schema).name));
}

function structure(schema: string, atomic: boolean): StructureType {
  const id = atomic ? `${schema} atomic` : schema;
  let type = compiled.get(id);
  if (!type) {
    type = compileStructure(schema, atomic);
    compiled.set(id, type);
  }
  return type;
}

function compileStructure(schema: string, atomic: boolean): StructureType {
  const { name } = goTypeName(schema);
  const fields = new Map<string, StructureField>();
  const withoutZeros = fieldsWithoutZeros(schema);
  for (const [field, { type, required }] of fieldsOfSchema(schema)) {
    let made: ObjectType | undefined;
    fields.set(field, {
      element: fieldElement(field),
      type: () => {
        made ??= typeOfField(type, name, field);
        return made;
      },
      absent: absentValue(type, required || isWrittenAsZero(schema, field), isAlwaysThere(name, field)),
      zero: type.form === 'scalar' && withoutZeros.has(field) ? zeroScalar(type.name) : undefined,
      ignored: name === 'ObjectMeta' && field === 'managedFields',
    });
  }
  return { form: 'structure', atomic, fields };
}

function absentValue(type: FieldType, required: boolean, alwaysThere: boolean): unknown {
  if (type.form === 'structure') return required || alwaysThere ? NOTHING : undefined;
  if (!required) return undefined;
  if (type.form === 'scalar') return zeroScalar(type.name);
  return type.form === 'list' ? NO_ITEMS : NOTHING;
}

/** `owner` is the structure that the field is in, without version. */
function typeOfField(type: FieldType, owner: string, field: string): ObjectType {
  switch (type.form) {
    case 'scalar':
      return type;
    case 'structure':
      return structure(type.schema, isAtomicField(owner, field, type.schema, goTypeName(type.schema).name));
    case 'map': {
      const element = elementOf(type.of);
      return { form: 'map', atomic: isAtomicField(owner, field), element };
    }
    case 'list':
      return listType(type.of, owner, field);
  }
}

function listType(item: FieldType, owner: string, field: string): ListType {
  const element = elementOf(item);
  const listed = listTypeOf(owner, field);
  if (!listed) return { form: 'list', relation: 'atomic', keys: [], element };
  if (listed.type === 'set') return { form: 'list', relation: 'set', keys: [], element };
  if (item.form !== 'structure') throw new Error(`${owner}.${field} is no list of structures, so it has no keys`);
  const { schema } = item;
  const keys = [...listed.keys].sort().map((name) => ({ name, default: defaultKey(schema, name) }));
  return { form: 'list', relation: 'keyed', keys, element };
}

function defaultKey(schema: string, name: string): unknown {
  if (!fieldOfSchema(schema, name)) throw new Error(`${schema} has no field ${name} to be a key`);
  return keyDefaultOf(goTypeName(schema).name, name) ?? builtInType(schema).fields.get(name)!.absent;
}

/** Of lists and maps, whose items have no marker of their own but their type's. Lists in lists and maps are atomic. */
function elementOf(type: FieldType): () => ObjectType {
  let made: ObjectType | undefined;
  return () => {
    made ??= type.form === 'structure' ? builtInType(type.schema) : typeOfField(type, '', '');
    return made;
  };
}
