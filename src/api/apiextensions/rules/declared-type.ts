import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  objectOf,
  STRING,
  sized,
  TIMESTAMP,
} from '../../cel/types.ts';
import { isEmbedded, isIntOrString, itemsOf, type JsonSchema, valuesOf } from '../schema/json-schema.ts';
import { escapeName } from './escape-name.ts';

/** The largest request, which bounds every size that a schema does not. */
export const LARGEST_REQUEST = 3 * 1024 * 1024;

/** What expressions know of values of a schema, and how short their JSON can be. */
export interface Declared {
  readonly type: CelType;
  readonly minSize: number;
}

const PLAIN_LENGTH = LARGEST_REQUEST - 2;
const withSize = (type: CelType, maxElements: number, minSize: number): Declared => ({ type: sized(type, maxElements), minSize });

/**
 * The type of a schema's values in CEL (apiserver/pkg/cel/common/schemas.go); undefined for what expressions cannot see. `name` tells
 * objects apart. `isResource`: apiVersion, kind and the metadata's names are there.
 */
export function declareType(schema: JsonSchema, name: string, isResource = isEmbedded(schema)): Declared | undefined {
  if (isIntOrString(schema)) return withSize(DYN, PLAIN_LENGTH, 1);
  switch (schema.type) {
    case 'array':
      return declareList(schema, name);
    case 'object':
      return valuesOf(schema) ? declareMap(schema, name) : declareObject(schema, name, isResource);
    case 'string':
      return declareText(schema);
    case 'boolean':
      return { type: BOOL, minSize: 4 };
    case 'number':
      return { type: DOUBLE, minSize: 1 };
    case 'integer':
      return { type: INT, minSize: 1 };
    default:
      return undefined;
  }
}

function declareList(schema: JsonSchema, name: string): Declared | undefined {
  const items = itemsOf(schema);
  const item = items && declareType(items, `${name}.@idx`);
  if (!item) return undefined;
  const most = schema.maxItems ?? Math.floor(PLAIN_LENGTH / (item.minSize + 1));
  return { type: listOf(item.type, Math.max(0, most)), minSize: 2 };
}

function declareMap(schema: JsonSchema, name: string): Declared | undefined {
  const value = declareType(valuesOf(schema)!, `${name}.@elem`);
  if (!value) return undefined;
  const most = schema.maxProperties ?? Math.floor(PLAIN_LENGTH / (value.minSize + 6));
  // Keys have no size in estimates, as upstream: rules about the keys of labels would cost too much otherwise.
  return { type: mapOf(sized(STRING, 0), value.type, Math.max(0, most)), minSize: 2 };
}

const NAME_SCHEMA: JsonSchema = { type: 'string' };
const META_SCHEMA: JsonSchema = { type: 'object', properties: { name: NAME_SCHEMA, generateName: NAME_SCHEMA } };

/** With what every resource has. Metadata shows its names alone. */
export function withTypeAndMeta(schema: JsonSchema): JsonSchema {
  const own = schema.properties?.['metadata']?.properties ?? {};
  const names = Object.fromEntries(
    ['name', 'generateName'].map((name) => [name, Object.hasOwn(own, name) ? own[name]! : NAME_SCHEMA]),
  );
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: { ...NAME_SCHEMA },
      kind: { ...NAME_SCHEMA },
      metadata: { ...META_SCHEMA, properties: names },
    },
  };
}

function declareObject(given: JsonSchema, name: string, isResource: boolean): Declared {
  const schema = isResource ? withTypeAndMeta(given) : given;
  const fields = new Map<string, CelType>();
  const required = new Set(schema.required);
  let minSize = 2;
  for (const [property, inner] of Object.entries(schema.properties ?? {})) {
    const declared = declareType(inner, `${name}.${property}`);
    if (!declared) continue;
    if (required.has(property) && inner.default === undefined) minSize += property.length + 4 + declared.minSize;
    const escaped = escapeName(property);
    if (escaped !== undefined) fields.set(escaped, declared.type);
  }
  return { type: objectOf(name, fields), minSize };
}

function declareText({ format, maxLength, enum: values }: JsonSchema): Declared {
  switch (format) {
    case 'byte':
      return withSize(BYTES, maxLength ?? PLAIN_LENGTH, 2);
    case 'duration':
      return withSize(DURATION, 32, 3);
    case 'date':
      return withSize(TIMESTAMP, 10, 12);
    case 'date-time':
      return withSize(TIMESTAMP, 20, 12);
  }
  if (maxLength !== undefined) return withSize(STRING, Math.max(0, maxLength) * 4, 2);
  if (values?.length) {
    const longest = values.reduce<number>(
      (most, value) => (typeof value === 'string' ? Math.max(most, Buffer.byteLength(value)) : most),
      0,
    );
    return withSize(STRING, longest, 2);
  }
  return withSize(STRING, PLAIN_LENGTH, 2);
}
