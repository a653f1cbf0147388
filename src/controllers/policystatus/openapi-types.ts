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
  return found && typeOf({ schemas, within: new Set([found[0]]) }, found[1], wanted.kind);
}

interface Place {
  readonly schemas: Readonly<Record<string, OpenApiSchema>>;
  /** What was referred to on the way here. */
  readonly within: ReadonlySet<string>;
}

/** Undefined for what says no type, such as quantities: upstream's expressions do not see it. */
function typeOf(at: Place, schema: OpenApiSchema, name: string): CelType | undefined {
  const { schemas, within } = at;
  const reference = schema.$ref ?? schema.allOf?.[0]?.$ref;
  if (reference?.startsWith(REFERENCE)) {
    const target = reference.slice(REFERENCE.length);
    // As upstream: of what contains itself, nothing is known the second time.
    if (within.has(target)) return { form: 'object', name, field: () => undefined };
    if (!Object.hasOwn(schemas, target)) return undefined;
    return typeOf({ schemas, within: new Set([...within, target]) }, schemas[target]!, name);
  }
  if (schema['x-kubernetes-int-or-string'] || schema.format === 'int-or-string') return DYN;
  switch (schema.type) {
    case 'array': {
      const item = schema.items && typeOf(at, schema.items, `${name}.@idx`);
      return item && listOf(item);
    }
    case 'object':
      return objectType(at, schema, name);
    case 'string':
      return stringType(schema.format);
    case 'boolean':
      return BOOL;
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    default:
      return undefined;
  }
}

function objectType(at: Place, schema: OpenApiSchema, name: string): CelType | undefined {
  const { properties, additionalProperties } = schema;
  if (typeof additionalProperties === 'object') {
    const value = typeOf(at, additionalProperties, `${name}.@elem`);
    return value && mapOf(STRING, value);
  }
  const field = (escaped: string) => {
    const property = Object.keys(properties ?? {}).find((each) => escapeName(each) === escaped);
    return property === undefined ? undefined : typeOf(at, properties![property]!, `${name}.${property}`);
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
    default:
      return STRING;
  }
}
