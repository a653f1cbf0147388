/** Types of expressions from a server's OpenAPI v3 documents, looked up when they are needed: types may contain themselves. */
import { escapeName } from '../../api/apiextensions/rules/escape-name.ts';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, DYN, INT, listOf, mapOf, STRING, TIMESTAMP } from '../../api/cel/types.ts';

export interface OpenApiSchema {
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly additionalProperties?: OpenApiSchema | boolean;
  readonly items?: OpenApiSchema;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-group-version-kind'?: readonly { group: string; version: string; kind: string }[];
}
export interface OpenApiDocument {
  readonly components?: { readonly schemas?: Readonly<Record<string, OpenApiSchema>> };
}

const REFERENCE = '#/components/schemas/';

/** The type of a kind's objects, undefined when the document does not have it. */
export function kindType(
  { components }: OpenApiDocument,
  wanted: { group: string; version: string; kind: string },
): CelType | undefined {
  const schemas = components?.schemas ?? {};
  const found = Object.entries(schemas).find(([, schema]) =>
    schema['x-kubernetes-group-version-kind']?.some(
      ({ group, version, kind }) => group === wanted.group && version === wanted.version && kind === wanted.kind,
    ),
  );
  return found && typeOf(schemas, found[1], found[0]);
}

function typeOf(schemas: Readonly<Record<string, OpenApiSchema>>, schema: OpenApiSchema, name: string): CelType {
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference?.startsWith(REFERENCE)) {
    const target = reference.slice(REFERENCE.length);
    return Object.hasOwn(schemas, target) ? typeOf(schemas, schemas[target]!, target) : DYN;
  }
  if (schema['x-kubernetes-int-or-string']) return DYN;
  switch (schema.type) {
    case 'array':
      return schema.items ? listOf(typeOf(schemas, schema.items, `${name}.@idx`)) : DYN;
    case 'object':
      return objectType(schemas, schema, name);
    case 'string':
      return stringType(schema.format);
    case 'boolean':
      return BOOL;
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    default:
      return DYN;
  }
}

function objectType(schemas: Readonly<Record<string, OpenApiSchema>>, schema: OpenApiSchema, name: string): CelType {
  const { properties, additionalProperties } = schema;
  if (typeof additionalProperties === 'object') return mapOf(STRING, typeOf(schemas, additionalProperties, `${name}.@elem`));
  if (!properties && additionalProperties) return mapOf(STRING, DYN);
  const field = (escaped: string) => {
    const property = Object.keys(properties ?? {}).find((each) => escapeName(each) === escaped);
    return property === undefined ? undefined : typeOf(schemas, properties![property]!, `${name}.${property}`);
  };
  return { form: 'object', name, field };
}

function stringType(format: string | undefined): CelType {
  switch (format) {
    case 'byte':
      return BYTES;
    case 'duration':
      return DURATION;
    case 'date':
    case 'date-time':
      return TIMESTAMP;
    // Quantities and ports are told apart by no type.
    case 'int-or-string':
      return DYN;
    default:
      return STRING;
  }
}
