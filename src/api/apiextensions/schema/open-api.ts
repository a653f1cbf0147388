import { Pace, type Steps } from '../../../std/pauses.ts';
import { equalJson } from '../../machinery/clone.ts';
import { isEmbedded, isIntOrString, itemsOf, type JsonSchema, preservesUnknown, valuesOf } from './json-schema.ts';

export type OpenApiForm = 'v2' | 'v3';

/** A schema in OpenAPI's words; references are those of version 2. */
export type OpenApiSchema = Record<string, unknown>;

const META = { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };

/** What every resource has, as its clients are told. */
export const TYPE_FIELDS: Readonly<Record<string, OpenApiSchema>> = {
  apiVersion: {
    description:
      'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
    type: 'string',
  },
  kind: {
    description:
      'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
    type: 'string',
  },
  metadata: {
    description:
      "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
    ...META,
  },
};

/** The same of a resource within another one. */
const EMBEDDED_TYPE_FIELDS: Readonly<Record<string, OpenApiSchema>> = {
  ...TYPE_FIELDS,
  apiVersion: {
    description:
      'apiVersion defines the versioned schema of this representation of an object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
    type: 'string',
  },
  kind: {
    description:
      'kind is a string value representing the type of this object. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
    type: 'string',
  },
};

/** Kept word for word in both versions. */
const PLAIN = [
  'description',
  'type',
  'format',
  'title',
  'maximum',
  'exclusiveMaximum',
  'minimum',
  'exclusiveMinimum',
  'maxLength',
  'minLength',
  'pattern',
  'maxItems',
  'minItems',
  'multipleOf',
  'enum',
  'maxProperties',
  'minProperties',
  'required',
  'default',
  'externalDocs',
  'example',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
] as const satisfies readonly (keyof JsonSchema)[];

/**
 * What is published of a custom resource's schema (apiextensions-apiserver/pkg/controller/openapi/builder). Without a schema that it
 * is an object, and no more; nor does version 2 name a field of an object that may hold anything, as clients would refuse every other.
 */
export function* publishedSchema(schema: JsonSchema | undefined, form: OpenApiForm): Steps<OpenApiSchema> {
  if (!schema || (form === 'v2' && preservesUnknown(schema))) return { type: 'object' };
  const published = yield* publish(schema, form);
  return { ...published, type: 'object', properties: { ...TYPE_FIELDS, ...withMeta(published) } };
}

function withMeta({ properties = {} }: OpenApiSchema): OpenApiSchema {
  const { metadata: _m, apiVersion: _a, kind: _k, ...own } = properties as OpenApiSchema;
  return own;
}

/** So many properties of one object are published between two pauses. */
const PROPERTIES = 1000;

function* publish(schema: JsonSchema, form: OpenApiForm): Steps<OpenApiSchema> {
  const v2 = form === 'v2';
  const open = v2 && preservesUnknown(schema);
  // Version 2 has no words for what may be null, and clients stumble over what it says of open objects.
  const bare = v2 && (open || schema.nullable === true);
  const vague = v2 && (schema.nullable === true || (open && isStructured(schema)));
  const published: OpenApiSchema = {};
  for (const name of PLAIN) if (schema[name] !== undefined && !(v2 && name === 'default')) published[name] = schema[name];
  if (vague) delete published['type'];
  if (schema.nullable && !v2) published['nullable'] = true;
  const items = itemsOf(schema);
  if (items && !bare) published['items'] = yield* publish(items, form);
  const values = valuesOf(schema);
  if (values) published['additionalProperties'] = yield* publish(values, form);
  else if (typeof schema.additionalProperties === 'boolean') published['additionalProperties'] = schema.additionalProperties;
  if (schema.properties && !bare) {
    const properties: [string, OpenApiSchema][] = [];
    const pace = new Pace(PROPERTIES);
    for (const [name, property] of Object.entries(schema.properties)) {
      properties.push([name, yield* publish(property, form)]);
      if (pace.due(1)) yield;
    }
    published['properties'] = Object.fromEntries(properties);
  }
  const embedded = isEmbedded(schema) && !open;
  if (embedded) published['properties'] = { ...EMBEDDED_TYPE_FIELDS, ...withMeta(published) };
  const required = v2 ? requiredOf(bare ? { ...schema, properties: {} } : schema, values) : schema.required;
  delete published['required'];
  if (embedded) published['required'] = [...new Set([...(required ?? []), 'kind', 'apiVersion'])];
  else if (required) published['required'] = required;
  if (v2) return published;
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    if (!schema[name]) continue;
    const all: OpenApiSchema[] = [];
    for (const each of schema[name]) all.push(yield* publish(each, form));
    published[name] = all;
  }
  if (schema.not) published['not'] = yield* publish(schema.not, form);
  return isIntOrString(schema) ? withBothTypes(published) : published;
}

const BOTH_TYPES = [{ type: 'integer' }, { type: 'string' }];

/** An integer or a text says so in words that any reader of schemas has. */
function withBothTypes(published: OpenApiSchema): OpenApiSchema {
  const { anyOf, allOf } = published as { anyOf?: OpenApiSchema[]; allOf?: OpenApiSchema[] };
  const saysSo = (list: unknown) => equalJson(list, BOTH_TYPES);
  if (saysSo(anyOf) || saysSo(allOf?.[0]?.['anyOf'])) return published;
  return anyOf ? { ...published, allOf: [{ anyOf: BOTH_TYPES }, ...(allOf ?? [])] } : { ...published, anyOf: BOTH_TYPES };
}

function isStructured({ type }: JsonSchema): boolean {
  return type === 'object' || type === 'array';
}

/** Clients of version 2 take a field that is null for one that is missing. */
function requiredOf({ required, properties = {} }: JsonSchema, values: JsonSchema | undefined): readonly string[] | undefined {
  const isNullable = (name: string) => Object.hasOwn(properties, name) && properties[name]?.nullable === true;
  const left = values?.nullable ? [] : required?.filter((name) => !isNullable(name));
  return left?.length ? left : undefined;
}
